package scenes

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
)

// All returns the scenes, in the order in which they are shown.
func All() []scene.Scene {
	return slices.Concat(refusals(), hostMounts(), diskSpace(), execs(), secrets(), logs(), apart())
}

// wish is a request that gives a container the host, or a part of it.
type wish struct {
	id, control, tries string
	host               container.HostConfig
}

// wishes are made by a stranger, who must be refused, and by the prover, to
// whom everything is allowed that a policy can allow.
var wishes = []wish{
	{"privileged", "capabilities", "have a privileged container made", container.HostConfig{Privileged: true}},
	{"add-capability", "capabilities", "have a container made with CAP_SYS_ADMIN", container.HostConfig{CapAdd: []string{"SYS_ADMIN"}}},
	{"unfiltered", "seccomp", "have a container made without a filter", container.HostConfig{SecurityOpt: []string{"seccomp=unconfined"}}},
	{"new-privileges", "no-new-privileges", "have a container made in which set-user-id programs count", container.HostConfig{SecurityOpt: []string{"no-new-privileges=false"}}},
	{"writable-root", "root-filesystem", "have a container made with a writable root", container.HostConfig{SecurityOpt: []string{"rootfs=writable"}}},
	{"unmasked", "proc-and-sys", "have a container made that sees all of /proc", container.HostConfig{MaskedPaths: []string{}, ReadonlyPaths: []string{}}},
	{"writable-cgroups", "cgroup-filesystem", "have a container made that writes to its control group", container.HostConfig{SecurityOpt: []string{"writable-cgroups=true"}}},
	{"host-processes", "pid-namespace", "have a container made among the host's processes", container.HostConfig{PidMode: "host"}},
	{"host-ipc", "ipc-namespace", "have a container made in the host's IPC namespace", container.HostConfig{IpcMode: "host"}},
	{"host-name", "uts-namespace", "have a container made with the host's name", container.HostConfig{UTSMode: "host"}},
	{"host-cgroups", "cgroup-namespace", "have a container made that sees the host's control groups", container.HostConfig{CgroupnsMode: "host"}},
	{"unlimited-memory", "memory", "have a container made without a limit of memory", container.HostConfig{Resources: container.Resources{Memory: -1}}},
	{"spared", "out-of-memory", "have a container made that is spared when memory runs out", container.HostConfig{OomScoreAdj: -500}},
	{"core-dumps", "core-dumps", "have a container made that dumps core", container.HostConfig{Resources: container.Resources{Ulimits: []*container.Ulimit{{Name: "core", Soft: -1, Hard: -1}}}}},
	{"locked-memory", "ulimits", "have a container made that locks any amount of memory", container.HostConfig{Resources: container.Resources{Ulimits: []*container.Ulimit{{Name: "memlock", Soft: -1, Hard: -1}}}}},
	{"realtime", "cpu", "have a container made with real-time priority", container.HostConfig{Resources: container.Resources{CPURealtimeRuntime: 10000, CPURealtimePeriod: 1000000}}},
	{"executable-tmpfs", "mount-options", "have a container made that runs programs from memory", container.HostConfig{Tmpfs: map[string]string{"/tmp": "exec"}}},
	{"cgroup-parent", "cgroup-parent", "have a container made outside of the node's control group", container.HostConfig{Resources: container.Resources{CgroupParent: "/elsewhere"}}},
	{"annotation", "runtime", "have the OCI runtime told something by an annotation", container.HostConfig{Annotations: map[string]string{"run.oci.keep_original_groups": "1"}}},
	{"sysctl", "sysctls", "have a container made that sets a parameter of the kernel", container.HostConfig{Sysctls: map[string]string{"kernel.msgmax": "65536"}}},
	{"device", "devices", "have a container made with a device of the host", container.HostConfig{Resources: container.Resources{Devices: []container.DeviceMapping{{PathOnHost: "/dev/loop-control", PathInContainer: "/dev/loop-control", CgroupPermissions: "rwm"}}}}},
	{"device-rule", "devices", "have a container made that may use any device", container.HostConfig{Resources: container.Resources{DeviceCgroupRules: []string{"a *:* rwm"}}}},
	{"unlimited-volume", "disk-space", "have a container made whose volume has no cap", container.HostConfig{Mounts: []mount.Mount{volume("unlimited")}}},
	{"unlimited-log", "log", "have a container made whose log has no cap", container.HostConfig{LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "-1"}}}},
}

func refusals() []scene.Scene {
	var list []scene.Scene
	for _, w := range wishes {
		list = append(list, scene.Scene{
			ID: w.control + "/request-" + w.id, Control: w.control, Tries: w.tries, Source: "the policy, docs/policy.md",
			Attack: func(ctx context.Context, s scene.Stage) error { return w.make(ctx, s, s.Stranger()) },
			Twin:   func(ctx context.Context, s scene.Stage) error { return w.make(ctx, s, s.API()) },
		})
	}
	// Nobody can have this one: the twin is a container without any network.
	hostNetwork := wish{host: container.HostConfig{NetworkMode: "host"}}
	none := wish{host: container.HostConfig{NetworkMode: "none"}}
	return append(list, scene.Scene{
		ID: "network/request-host-network", Control: "network", Tries: "have a container made in the host's network", Source: "docs/posture.md",
		Attack: func(ctx context.Context, s scene.Stage) error { return hostNetwork.make(ctx, s, s.Stranger()) },
		Twin:   func(ctx context.Context, s scene.Stage) error { return none.make(ctx, s, s.Stranger()) },
	})
}

// make has a container made, and removes it. Only a refusal counts as one.
func (w wish) make(ctx context.Context, s scene.Stage, api *client.Client) error {
	host := w.host
	made, err := api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: s.Image(), Cmd: []string{"pause"}, Labels: map[string]string{scene.Label: "scene"}}, HostConfig: &host,
	})
	switch {
	case errdefs.IsPermissionDenied(err):
		return errors.New(firstLine(err))
	case err != nil:
		return probe.Untried("%w", err)
	}
	_, err = api.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	return err
}

// firstLine is what a refusal says, without how to mend it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
