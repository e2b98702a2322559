package engine

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/network"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	apinetwork "github.com/moby/moby/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Inspect shows everything about a container, with its posture.
func (e *Engine) Inspect(ctx context.Context, ref string, size bool) (Inspection, error) {
	c, err := e.find(ref)
	if err != nil {
		return Inspection{}, err
	}
	rec := c.record()
	dir := e.containerDir(rec.ID)
	r := container.InspectResponse{
		ID: rec.ID, Name: "/" + rec.Name, Created: stamp(rec.Created),
		Path: rec.Args[0], Args: rec.Args[1:], Image: rec.ImageID,
		State: e.apiState(c, &rec), RestartCount: rec.RestartCount,
		ResolvConfPath: dir + "/layer/etc/resolv.conf", HostnamePath: dir + "/layer/etc/hostname", HostsPath: dir + "/layer/etc/hosts",
		LogPath: e.logPath(rec.ID), Driver: "overlayfs", Platform: "linux",
		AppArmorProfile: rec.Posture.AppArmor.Profile,
		HostConfig:      &rec.HostConfig, Config: &rec.Config,
		Mounts: apiMounts(&rec), NetworkSettings: e.networkSettings(c, &rec),
		ExecIDs: e.execIDs(rec.ID),
	}
	showDefaults(&rec)
	r.ImageManifestDescriptor = e.imageManifest(ctx, rec.ImageID)
	if size {
		rw, root := e.sizes(&rec)
		r.SizeRw, r.SizeRootFs = &rw, &root
	}
	rec.Posture.Mounts = e.currentCaps(rec.Posture.Mounts)
	return Inspection{InspectResponse: r, Posture: rec.Posture, Controls: rec.Posture.Controls()}, nil
}

// showDefaults writes into the configuration what holds where the request said nothing, as clients expect to find it.
func showDefaults(rec *store.Container) {
	h := &rec.HostConfig
	if h.MaskedPaths == nil {
		h.MaskedPaths = rec.Posture.MaskedPaths
	}
	if h.ReadonlyPaths == nil {
		h.ReadonlyPaths = rec.Posture.ReadonlyPaths
	}
	if h.IpcMode == "" {
		h.IpcMode = container.IPCModePrivate
	}
	if h.CgroupnsMode == "" {
		h.CgroupnsMode = container.CgroupnsModePrivate
	}
	if h.RestartPolicy.Name == "" {
		h.RestartPolicy.Name = container.RestartPolicyDisabled
	}
	if h.LogConfig.Type == "" {
		h.LogConfig.Type = "json-file"
	}
	if h.ShmSize == 0 {
		h.ShmSize = sandbox.DefaultShm
	}
}

// imageManifest is the manifest of a container's image, with its platform; nil when the image is gone.
func (e *Engine) imageManifest(ctx context.Context, image string) *ocispec.Descriptor {
	img, err := e.opts.Images.Get(ctx, image)
	if err != nil {
		return nil
	}
	p := ocispec.Platform{OS: img.Platform.OS, Architecture: img.Platform.Architecture, Variant: img.Platform.Variant}
	d := ocispec.Descriptor{Digest: img.Manifest, MediaType: ocispec.MediaTypeImageManifest, Platform: &p}
	if img.Manifest == img.ID {
		d.MediaType, d.Size = img.Descriptor.MediaType, img.Descriptor.Size
	}
	return &d
}

// stamp writes a time as Docker does; the zero time too.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func (e *Engine) apiState(c *cont, rec *store.Container) *container.State {
	s := rec.State
	out := &container.State{
		Status: container.ContainerState(s.Status), Pid: s.Pid, ExitCode: s.ExitCode, Error: s.Error, OOMKilled: s.OOMKilled,
		Running: s.Status == store.Running || s.Status == store.Paused || s.Status == store.Restarting,
		Paused:  s.Status == store.Paused, Restarting: s.Status == store.Restarting, Dead: s.Status == store.Dead,
		StartedAt: stamp(s.StartedAt), FinishedAt: stamp(s.FinishedAt),
	}
	if r := c.current(); r != nil {
		c.mu.Lock()
		h := r.health
		c.mu.Unlock()
		out.Health = h.state()
	}
	return out
}

func apiMounts(rec *store.Container) []container.MountPoint {
	out := []container.MountPoint{}
	for _, m := range rec.Mounts {
		if _, own := rec.HostConfig.Tmpfs[m.Destination]; own && m.Type == sandbox.MountTmpfs {
			continue // it is shown there
		}
		p := container.MountPoint{Type: mount.Type(m.Type), Name: m.Name, Source: m.Source, Destination: m.Destination, Mode: m.Mode, RW: !m.ReadOnly}
		switch {
		case m.Type == sandbox.MountVolume:
			p.Driver = "local"
			if p.Mode == "" {
				p.Mode = "z" // what Docker's documentation calls the default on Linux
			}
		case m.Type == sandbox.MountBind:
			p.Propagation = mount.PropagationRPrivate
			for _, pm := range rec.Posture.Mounts {
				if pm.Target == m.Destination && pm.Propagation != "" {
					p.Propagation = mount.Propagation(pm.Propagation)
				}
			}
		}
		out = append(out, p)
	}
	return out
}

// networkSettings shows what is wired now, or what will be.
func (e *Engine) networkSettings(c *cont, rec *store.Container) *container.NetworkSettings {
	out := &container.NetworkSettings{Ports: apinetwork.PortMap{}, Networks: map[string]*apinetwork.EndpointSettings{}}
	a, wired := e.opts.Networks.Attachment(rec.ID)
	if !wired || c.current() == nil {
		for _, name := range append([]string{rec.Posture.Network.Name}, rec.Posture.Network.More...) {
			if name == "default" {
				name = network.Bridge
			}
			out.Networks[name] = &apinetwork.EndpointSettings{}
		}
		return out
	}
	out.SandboxID, out.SandboxKey = rec.ID, "/proc/"+strconv.Itoa(rec.State.Pid)+"/ns/net"
	for _, ep := range a.Endpoints {
		out.Networks[ep.Network] = apiEndpoint(ep)
	}
	for port := range rec.Config.ExposedPorts {
		out.Ports[port] = nil
	}
	for _, p := range a.Ports {
		port, ok := apinetwork.PortFrom(p.ContainerPort, apinetwork.IPProtocol(p.Proto))
		if ok {
			out.Ports[port] = append(out.Ports[port], apinetwork.PortBinding{HostIP: p.HostIP, HostPort: strconv.Itoa(int(p.HostPort))})
		}
	}
	return out
}

func apiEndpoint(ep network.Endpoint) *apinetwork.EndpointSettings {
	s := &apinetwork.EndpointSettings{
		NetworkID: ep.NetworkID, EndpointID: ep.ID, Gateway: ep.Gateway, IPAddress: ep.IP.Addr(), IPPrefixLen: ep.IP.Bits(),
		Aliases: ep.Aliases, DNSNames: ep.DNSNames, GwPriority: ep.Priority,
	}
	for _, l := range ep.Links {
		s.Links = append(s.Links, l.Name+":"+l.Alias)
	}
	_ = s.MacAddress.UnmarshalText([]byte(ep.MAC)) // ours, thus well formed
	return s
}

func portSummaries(a network.Attachment, exposed apinetwork.PortSet) []container.PortSummary {
	out := []container.PortSummary{}
	bound := make(map[apinetwork.Port]bool)
	for _, p := range a.Ports {
		out = append(out, container.PortSummary{IP: p.HostIP, PrivatePort: p.ContainerPort, PublicPort: p.HostPort, Type: string(p.Proto)})
		if port, ok := apinetwork.PortFrom(p.ContainerPort, apinetwork.IPProtocol(p.Proto)); ok {
			bound[port] = true
		}
	}
	for port := range exposed {
		if !bound[port] {
			out = append(out, container.PortSummary{IP: netip.Addr{}, PrivatePort: port.Num(), Type: string(port.Proto())})
		}
	}
	return out
}

func (e *Engine) execIDs(container string) []string {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var out []string
	for id, x := range e.execs {
		if x.container == container {
			out = append(out, id)
		}
	}
	return out
}
