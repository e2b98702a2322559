package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/durable"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/engine/translate"
	"github.com/bailey-run/bailey/internal/engine/volume"
	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/network"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/runtime/nspool"
	"github.com/bailey-run/bailey/internal/runtime/quota"
	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"github.com/bailey-run/bailey/internal/sandbox"
	apinetwork "github.com/moby/moby/api/types/network"
)

// bindingFor is the host's side of a posture for this run.
// The namespaces go by the paths of a process: the runtime reads the id
// mappings of such a path without starting processes of its own for it.
func (e *Engine) bindingFor(rec *store.Container, r *run, sources map[string]string) sandbox.Binding {
	b := e.hostSide(rec.ID, r.bind.IDBase, r.pair)
	b.MountSources, b.MapMounts = sources, true
	return b
}

// hostSide is what containers and build steps have in common of it.
func (e *Engine) hostSide(id string, idBase uint32, pair *nspool.Pair) sandbox.Binding {
	p := runtime.PathsIn(e.runDir(id))
	return sandbox.Binding{
		IDBase: idBase, UserNSPath: pair.UserNSPath(), NetNSPath: pair.NetNSPath(), RootfsPath: p.Rootfs, SecretsPath: p.Secrets,
		FilesPath:  p.Files,
		CgroupPath: e.opts.Runtime.Cgroups().Path(id),
		InitPath:   e.opts.Runtime.InitPath(),
		MemfdHook:  e.opts.Runtime.MemfdHook(),
		OCIVersion: ociVersion(e.opts.Runtime.Info()),
	}
}

// ociVersion is what the runtime wants to read: crun of before 1.9 knows
// nothing newer than 1.0.
func ociVersion(i runtime.Info) string {
	if i.Name == "crun" {
		return "1.0.2"
	}
	return ""
}

// mountSources says where on the host the container's mounts lie, and fills
// volumes that are used for the first time.
func (e *Engine) mountSources(rec *store.Container, layers image.Rootfs) (map[string]string, error) {
	sources := make(map[string]string)
	for _, m := range rec.Mounts {
		if m.Type == sandbox.MountTmpfs {
			continue
		}
		sources[m.Destination] = m.Source
		if m.Type == sandbox.MountVolume && m.NoCopy {
			if err := e.ownVolume(m.Source); err != nil {
				return nil, fmt.Errorf("volume %s: %w", m.Name, err)
			}
		}
		if m.Type == sandbox.MountVolume && !m.NoCopy {
			if err := e.fillVolume(m.Source, layers, m.Destination); err != nil {
				return nil, fmt.Errorf("volume %s: fill it from the image: %w", m.Name, err)
			}
		}
	}
	return sources, nil
}

// generatedFiles is the layer that Bailey puts on top of the image: names.
func (e *Engine) generatedFiles(rec *store.Container, a network.Attachment) []rootfs.File {
	text := func(path, data string) rootfs.File {
		return rootfs.File{Path: path, Mode: 0o644, Data: []byte(data)}
	}
	// Mount points are not among them: a directory here would hide a link of
	// the image, so the OCI runtime makes them in the writable layer.
	return []rootfs.File{
		text("etc/hostname", rec.Posture.Hostname+"\n"),
		text("etc/hosts", hosts(rec, a)),
		text("etc/resolv.conf", resolvConf(rec, a)),
	}
}

func hosts(rec *store.Container, a network.Attachment) string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	for _, x := range rec.HostConfig.ExtraHosts {
		name, ip, ok := strings.Cut(x, ":")
		if !ok {
			name, ip, ok = strings.Cut(x, "=")
		}
		if addr, err := netip.ParseAddr(strings.Trim(ip, "[]")); ok && err == nil {
			fmt.Fprintf(&b, "%s\t%s\n", addr, name)
		}
	}
	names := rec.Posture.Hostname
	if rec.Posture.Domainname != "" {
		names = rec.Posture.Hostname + "." + rec.Posture.Domainname + " " + names
	}
	for _, ep := range a.Endpoints {
		fmt.Fprintf(&b, "%s\t%s\n", ep.IP.Addr(), names)
	}
	return b.String()
}

func resolvConf(rec *store.Container, a network.Attachment) string {
	var b strings.Builder
	servers := rec.HostConfig.DNS
	if len(servers) == 0 && a.DNS.IsValid() {
		servers = []netip.Addr{a.DNS}
	}
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	if len(rec.HostConfig.DNSSearch) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(rec.HostConfig.DNSSearch, " "))
	}
	if len(rec.HostConfig.DNSOptions) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(rec.HostConfig.DNSOptions, " "))
	}
	return b.String()
}

// wire connects the container's network namespace.
func (e *Engine) wire(ctx context.Context, rec *store.Container, sl *slot) (network.Attachment, error) {
	r := network.WireRequest{
		ContainerID: rec.ID, Name: rec.Name, Hostname: rec.Posture.Hostname,
		NetNS: sl.pair.NetNS, Networks: wants(rec), Segment: &sl.segment,
	}
	for _, p := range rec.Posture.Network.Ports {
		r.Ports = append(r.Ports, network.Port{HostIP: p.HostIP, HostPort: p.HostPort, ContainerPort: p.ContainerPort, Proto: network.Protocol(p.Proto)})
	}
	var a network.Attachment
	var err error
	if len(r.Networks) == 0 {
		a, err = e.opts.Networks.Claim(ctx, sl.segment, r)
	} else {
		a, err = e.opts.Networks.Wire(ctx, r)
	}
	if err != nil {
		return a, fmt.Errorf("network of container %s: %w", rec.Name, err)
	}
	return a, nil
}

// wants lists the networks a container is to be on; none means the default.
func wants(rec *store.Container) []network.Want {
	first := rec.Posture.Network.Name
	if first == "default" && len(rec.Posture.Network.More) == 0 {
		if ep := endpointConfig(rec, first); ep == nil || len(ep.MacAddress) == 0 && ep.IPAMConfig == nil {
			return nil // what was wired beforehand will do
		}
	}
	var out []network.Want
	for _, name := range append([]string{first}, rec.Posture.Network.More...) {
		out = append(out, wantOf(name, endpointConfig(rec, name)))
	}
	return out
}

func wantOf(name string, ep *apinetwork.EndpointSettings) network.Want {
	w := network.Want{Network: name}
	if ep == nil {
		return w
	}
	w.Aliases, w.Links, w.Priority, w.MAC = ep.Aliases, ep.Links, ep.GwPriority, ep.MacAddress.String()
	if ep.IPAMConfig != nil {
		w.IP = ep.IPAMConfig.IPv4Address
	}
	return w
}

func endpointConfig(rec *store.Container, name string) *apinetwork.EndpointSettings {
	if rec.Networking == nil {
		return nil
	}
	if ep := rec.Networking.EndpointsConfig[network.Bridge]; name == "default" && ep != nil {
		return ep
	}
	return rec.Networking.EndpointsConfig[name]
}

func forwards(ports []network.BoundPort) []runtime.Forward {
	var out []runtime.Forward
	for _, p := range ports {
		out = append(out, runtime.Forward{
			HostIP: p.HostIP.String(), HostPort: p.HostPort, Proto: string(p.Proto),
			ContainerIP: p.ContainerIP.String(), ContainerPort: p.ContainerPort,
		})
	}
	return out
}

func volumeRequest(w translate.MountWish, c quota.Cap) volume.Request {
	return volume.Request{Name: w.Source, Labels: w.Labels, Options: w.VolumeOptions, Anonymous: w.Anonymous, Cap: c}
}

// logOptions says where and how much the supervisor logs.
func (e *Engine) logOptions(rec *store.Container) runtime.LogOptions {
	l := rec.Posture.Limits.Log
	return runtime.LogOptions{Path: e.logPath(rec.ID), MaxSize: max(l.MaxSizeBytes, 0), MaxFiles: max(l.MaxFiles, 1), Disabled: l.Disabled}
}

// fillVolume copies what the image has at a path into a volume that is empty,
// as Docker does, so that a database finds its initial files.
func (e *Engine) fillVolume(dir string, layers image.Rootfs, path string) error {
	e.filling.Lock()
	defer e.filling.Unlock()
	begun := filepath.Join(filepath.Dir(dir), "filling")
	if err := e.clearHalf(dir, begun); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		return err
	}
	if !slices.ContainsFunc(layers.Lower, func(layer string) bool { return holds(layer, path) }) {
		return copyFromLayers(dir, layers.Lower, path) // its owner and mode at most
	}
	if err := durable.Write(begun, nil); err != nil {
		return err
	}
	if err := copyFromLayers(dir, layers.Lower, path); err != nil {
		return err
	}
	if err := durable.SyncAll(dir); err != nil {
		return err
	}
	return durable.Remove(begun)
}

// clearHalf empties a volume whose filling was cut short by a crash: no
// container has had it yet, and half of a database is worse than none.
func (e *Engine) clearHalf(dir, begun string) error {
	if !linkExists(begun) {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return durable.Remove(begun)
}

// ownVolume says that a volume is used as it is, however its filling ended.
func (e *Engine) ownVolume(dir string) error {
	e.filling.Lock()
	defer e.filling.Unlock()
	err := durable.Remove(filepath.Join(filepath.Dir(dir), "filling"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
