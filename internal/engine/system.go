package engine

import (
	"context"
	"fmt"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"
)

// Info describes the node.
func (e *Engine) Info(ctx context.Context) (system.Info, error) {
	images, err := e.opts.Images.List(ctx)
	if err != nil {
		return system.Info{}, err
	}
	name, _ := os.Hostname()
	rt, facts := e.opts.Runtime.Info(), e.opts.Facts
	has := func(c string) bool {
		return len(facts.KnownControllers) == 0 || slices.Contains(facts.KnownControllers, c)
	}
	out := system.Info{
		ID: e.opts.Node, Name: name, ServerVersion: e.opts.Version, Images: len(images),
		Driver: "overlayfs", DriverStatus: [][2]string{{"driver-type", "io.containerd.snapshotter.v1"}, {"idmapped layers", fmt.Sprint(facts.IdmapOverlay)}, {"runtime digest", rt.Digest}},
		MemoryLimit: has("memory"), SwapLimit: facts.SwapAccounting, CPUCfsPeriod: has("cpu"), CPUCfsQuota: has("cpu"),
		CPUShares: has("cpu"), CPUSet: has("cpuset"), PidsLimit: has("pids"), IPv4Forwarding: true,
		NGoroutines: goruntime.NumGoroutine(), NFd: openFiles(), SystemTime: time.Now().Format(time.RFC3339Nano),
		LoggingDriver: "json-file", CgroupDriver: "cgroupfs", CgroupVersion: "1",
		KernelVersion: facts.Kernel, OperatingSystem: osName(), OSType: "linux", Architecture: machine(facts.Architecture),
		NCPU: facts.CPUs, MemTotal: facts.Memory, DockerRootDir: e.opts.Dir, IndexServerAddress: "https://index.docker.io/v1/",
		RegistryConfig: registryConfig(), DefaultRuntime: rt.Name,
		Runtimes:           map[string]system.RuntimeWithStatus{rt.Name: {Runtime: system.Runtime{Path: rt.Path}}},
		RuncCommit:         system.Commit{ID: rt.Version},
		LiveRestoreEnabled: true, InitBinary: "bailey-init", SecurityOptions: e.securityOptions(),
		Plugins: system.PluginsInfo{Volume: []string{"local"}, Network: []string{"bridge", "host", "null"}, Log: []string{"json-file", "none"}},
		Swarm:   swarm.Info{LocalNodeState: swarm.LocalNodeStateInactive},
	}
	if facts.CgroupV2 {
		out.CgroupVersion = "2"
	}
	for _, c := range e.all() {
		out.Containers++
		switch c.status() {
		case store.Running, store.Restarting:
			out.ContainersRunning++
		case store.Paused:
			out.ContainersPaused++
		default:
			out.ContainersStopped++
		}
	}
	return out, nil
}

func (e *Engine) securityOptions() []string {
	out := []string{"name=userns", "name=seccomp,profile=bailey", "name=no-new-privileges", "name=cgroupns", "name=rootfs,readonly=true"}
	if e.opts.Facts.AppArmor {
		out = append(out, "name=apparmor")
	}
	if e.opts.Facts.SELinux {
		out = append(out, "name=selinux")
	}
	return out
}

func registryConfig() *registry.ServiceConfig {
	return &registry.ServiceConfig{IndexConfigs: map[string]*registry.IndexInfo{"docker.io": {Name: "docker.io", Official: true, Secure: true}}}
}

// Version describes the program; the API adds its own versions.
func (e *Engine) Version(context.Context) (system.VersionResponse, error) {
	rt := e.opts.Runtime.Info()
	return system.VersionResponse{
		Platform: system.PlatformInfo{Name: "Bailey"}, Version: e.opts.Version,
		Os: "linux", Arch: e.opts.Facts.Architecture, GoVersion: goruntime.Version(), KernelVersion: e.opts.Facts.Kernel,
		Components: []system.ComponentVersion{
			{Name: "Engine", Version: e.opts.Version, Details: map[string]string{"Os": "linux", "Arch": e.opts.Facts.Architecture, "GoVersion": goruntime.Version(), "KernelVersion": e.opts.Facts.Kernel}},
			{Name: rt.Name, Version: rt.Version, Details: map[string]string{"Digest": rt.Digest, "Path": rt.Path}},
		},
	}, nil
}

// DiskUsage says what takes space on the node's disk.
func (e *Engine) DiskUsage(ctx context.Context, objects []system.DiskUsageObject) (system.DiskUsage, error) {
	wanted := func(o system.DiskUsageObject) bool { return len(objects) == 0 || slices.Contains(objects, o) }
	var out system.DiskUsage
	if wanted(system.ImageObject) {
		u, err := e.opts.Images.Usage(ctx)
		if err != nil {
			return out, err
		}
		out.ImageUsage = &image.DiskUsage{TotalSize: u.Layers + u.Content, Reclaimable: u.Reclaimable, TotalCount: int64(len(u.Images))}
		for _, i := range u.Images {
			s := e.imageSummary(i.Image)
			s.SharedSize = i.Shared
			if i.Containers > 0 {
				out.ImageUsage.ActiveCount++
			}
			out.ImageUsage.Items = append(out.ImageUsage.Items, s)
		}
	}
	if wanted(system.ContainerObject) {
		list, err := e.List(ctx, ListOptions{All: true, Size: true})
		if err != nil {
			return out, err
		}
		out.ContainerUsage = &container.DiskUsage{Items: list, TotalCount: int64(len(list))}
		for _, s := range list {
			out.ContainerUsage.TotalSize += s.SizeRw
			if s.State == container.StateRunning || s.State == container.StatePaused {
				out.ContainerUsage.ActiveCount++
			} else {
				out.ContainerUsage.Reclaimable += s.SizeRw
			}
		}
	}
	if wanted(system.VolumeObject) {
		out.VolumeUsage = e.volumeUsage(ctx)
	}
	if wanted(system.BuildCacheObject) {
		out.BuildCacheUsage = &build.DiskUsage{}
	}
	return out, nil
}

func (e *Engine) volumeUsage(ctx context.Context) *volume.DiskUsage {
	out := &volume.DiskUsage{}
	for _, v := range e.volumes.List() {
		size, err := e.volumes.Size(ctx, v.Name)
		if err != nil {
			size = -1
		}
		a := e.apiVolume(v)
		users := len(e.volumeUsers(v.Name))
		a.UsageData = &volume.UsageData{RefCount: int64(users), Size: size}
		out.Items = append(out.Items, a)
		out.TotalCount++
		out.TotalSize += max(size, 0)
		if users > 0 {
			out.ActiveCount++
		} else {
			out.Reclaimable += max(size, 0)
		}
	}
	return out
}

// RegistryLogin says honestly that credentials are not tried here: they go
// with each pull and push.
func (e *Engine) RegistryLogin(context.Context, registry.AuthConfig) (registry.AuthResponse, error) {
	return registry.AuthResponse{}, fmt.Errorf("this node does not try credentials ahead of their use; they are checked at the next pull or push: %w", errdefs.ErrNotImplemented)
}

func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

func osName() string {
	data, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "Linux"
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return "Linux"
}

// machine is what uname(1) says for Go's name of an architecture.
func machine(arch string) string {
	if m, ok := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch]; ok {
		return m
	}
	return arch
}
