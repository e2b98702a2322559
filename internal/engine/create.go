package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/engine/translate"
	"github.com/bailey-run/bailey/internal/engine/volume"
	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"
)

// Create decides what a container will be and records it. Nothing of it runs
// and no resource of the kernel is taken before Start.
func (e *Engine) Create(ctx context.Context, r CreateRequest) (CreateResult, error) {
	if r.ExternalID != "" { // looked for and taken in one step
		e.externals.Lock()
		defer e.externals.Unlock()
	}
	d, err := e.draft(ctx, r)
	if err != nil {
		return CreateResult{}, err
	}
	if d.rec.Mounts, err = e.makeVolumes(d.wishes, d.rec.Posture); err != nil {
		return CreateResult{}, errors.Join(err, e.removeAnonymousVolumes(d.rec))
	}
	if err := e.register(d.rec, r.Name); err != nil {
		return CreateResult{}, errors.Join(err, e.removeAnonymousVolumes(d.rec))
	}
	c, err := e.find(d.rec.ID)
	if err != nil {
		return CreateResult{}, err
	}
	e.emit(c, events.ActionCreate, nil)
	return CreateResult{ID: d.rec.ID, Warnings: d.rec.Posture.Notes}, nil
}

// Plan decides like Create and records nothing.
func (e *Engine) Plan(ctx context.Context, r CreateRequest) (Plan, error) {
	d, err := e.draft(ctx, r)
	if err != nil {
		return Plan{}, err
	}
	return Plan{Posture: d.rec.Posture, Controls: d.rec.Posture.Controls(), Warnings: d.rec.Posture.Notes}, nil
}

// draft is a container that is decided but not recorded.
type draft struct {
	rec    *store.Container
	wishes []translate.MountWish
}

func (e *Engine) draft(ctx context.Context, r CreateRequest) (*draft, error) {
	if r.Config == nil {
		return nil, fmt.Errorf("the request has no configuration: %w", errdefs.ErrInvalidArgument)
	}
	if c := e.external(r.ExternalID); c != nil {
		return nil, fmt.Errorf("the id %q belongs to container %s already: adopt that one, or remove it: %w", r.ExternalID, c.record().Name, errdefs.ErrConflict)
	}
	if r.HostConfig == nil {
		r.HostConfig = &container.HostConfig{}
	}
	if r.Config.Image == "" {
		return nil, fmt.Errorf("no image specified: name one: %w", errdefs.ErrInvalidArgument)
	}
	if err := e.checkOthers(r.HostConfig, r.Caller); err != nil {
		return nil, err
	}
	img, err := e.imageFor(ctx, r.Config.Image, r.Platform)
	if err != nil {
		return nil, err
	}
	cfg, err := translate.Merge(r.Config, img.Config.Config)
	if err != nil {
		return nil, err
	}
	wishes, err := e.mountWishes(&cfg, r.HostConfig)
	if err != nil {
		return nil, err
	}
	if err := resolveBinds(wishes); err != nil {
		return nil, err
	}
	nameVolumes(wishes)
	e.knownVolumes(wishes)
	identity, err := e.identity(ctx, img, cfg.User, r.HostConfig.GroupAdd)
	if err != nil {
		return nil, err
	}
	devices, err := devices(r.HostConfig.Devices)
	if err != nil {
		return nil, err
	}
	id := newID()
	in := translate.Input{ID: id, Config: &cfg, Host: r.HostConfig, Networking: r.Networking, Identity: identity.Identity, Devices: devices}
	for _, w := range wishes {
		in.Mounts = append(in.Mounts, w.Mount)
	}
	req, err := translate.Request(in)
	if err != nil {
		return nil, err
	}
	req.Env = withHome(req.Env, identity.home, cfg.Tty)
	if req.CopyUp, err = e.filled(ctx, img); err != nil {
		return nil, err
	}
	posture, err := sandbox.Compute(req, *e.policy.Load(), r.Caller, e.facts())
	if err != nil {
		return nil, refusal(err)
	}
	if posture.Namespaces.Network == sandbox.NamespaceHost {
		return nil, fmt.Errorf("--network=host: every container of this node has a network namespace of its own, whatever the policy says; publish the ports that it serves with -p: %w", errdefs.ErrNotImplemented)
	}
	if posture.Namespaces.User == sandbox.NamespaceHost {
		return nil, fmt.Errorf("--userns=host: every container of this node has a user namespace of its own, whatever the policy says: %w", errdefs.ErrNotImplemented)
	}
	if err := errors.Join(e.checkSecrets(posture.Secrets), checkFiles(posture)); err != nil {
		return nil, err
	}
	if cfg.WorkingDir != "" {
		cfg.WorkingDir = path.Clean(cfg.WorkingDir)
	}
	if cfg.Hostname == "" {
		cfg.Hostname = posture.Hostname
	}
	return &draft{wishes: wishes, rec: &store.Container{
		ID: id, Created: time.Now().UTC(), Config: cfg, HostConfig: *r.HostConfig, Networking: r.Networking,
		ImageID: string(img.ID), Args: req.Args, Posture: posture,
		State: store.State{Status: store.Created}, ExternalID: r.ExternalID, Attempt: r.Caller.Inside(),
	}}, nil
}

// mountWishes lists what is to be mounted, with what other containers lend.
func (e *Engine) mountWishes(cfg *container.Config, h *container.HostConfig) ([]translate.MountWish, error) {
	own, err := translate.Mounts(cfg, h)
	if err != nil || len(h.VolumesFrom) == 0 {
		return own, err
	}
	lent, err := e.volumesFrom(h, own)
	if err != nil {
		return nil, err
	}
	own = slices.DeleteFunc(own, func(w translate.MountWish) bool {
		return w.FromImage && slices.ContainsFunc(lent, func(l translate.MountWish) bool { return l.Target == w.Target })
	})
	out := append(own, lent...)
	slices.SortFunc(out, func(a, b translate.MountWish) int { return strings.Compare(a.Target, b.Target) })
	return out, nil
}

// refusal marks what the sandbox refuses for those who map errors to answers.
func refusal(err error) error {
	if len(sandbox.Refusals(err)) > 0 {
		return fmt.Errorf("%w: %w", err, errdefs.ErrPermissionDenied)
	}
	return fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
}

// register records the container under its name; without one it finds a free
// name of its own.
func (e *Engine) register(rec *store.Container, name string) error {
	if name != "" {
		if err := checkName(name); err != nil {
			return err
		}
	}
	const attempts = 20
	for n := 0; ; n++ {
		rec.Name = name
		if name == "" {
			rec.Name = randomName()
			if n > attempts {
				rec.Name += "_" + rec.ID[:6]
			}
		}
		err := e.store.CreateContainer(rec)
		var taken *store.NameTakenError
		if errors.As(err, &taken) && name == "" {
			continue
		}
		if errors.As(err, &taken) {
			return fmt.Errorf("%w: %w", taken, errdefs.ErrConflict)
		}
		if err != nil {
			return fmt.Errorf("record container %s: %w", rec.Name, err)
		}
		break
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.containers[rec.ID] = newCont(rec)
	e.names[rec.Name] = rec.ID
	return nil
}

// nameVolumes chooses the names of anonymous volumes: what is decided about a
// container names everything that it gets.
func nameVolumes(wishes []translate.MountWish) {
	for i := range wishes {
		if wishes[i].Type == sandbox.MountVolume && wishes[i].Source == "" {
			wishes[i].Source, wishes[i].Anonymous = volume.NewName(), true
		}
	}
}

// makeVolumes gives every volume that is wished for a name and a place.
func (e *Engine) makeVolumes(wishes []translate.MountWish, p sandbox.Posture) ([]store.Mount, error) {
	var out []store.Mount
	for _, w := range wishes {
		m := store.Mount{Type: w.Type, Source: w.Source, Destination: w.Target, ReadOnly: w.ReadOnly, NoCopy: w.NoCopy, Mode: w.Mode}
		if w.Type == sandbox.MountVolume {
			v, made, err := e.volumes.Create(volumeRequest(w, e.capOf(p, w.Target)))
			if err != nil {
				return out, err
			}
			m.Name, m.Source, m.Anonymous = v.Name, e.volumes.Path(v.Name), w.Anonymous
			if made {
				e.events.Publish(events.VolumeEventType, events.ActionCreate, v.Name, map[string]string{"driver": "local"})
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// resolveBinds replaces each host path by what it really is, so that a link
// cannot lead past the policy.
func resolveBinds(wishes []translate.MountWish) error {
	for i := range wishes {
		if wishes[i].Type != sandbox.MountBind {
			continue
		}
		real, err := filepath.EvalSymlinks(wishes[i].Source)
		if err != nil {
			return fmt.Errorf("bind source path does not exist: %s: make it first: %w", wishes[i].Source, errdefs.ErrInvalidArgument)
		}
		info, err := os.Stat(real)
		if err != nil {
			return fmt.Errorf("bind source path %s: %w: %w", wishes[i].Source, err, errdefs.ErrInvalidArgument)
		}
		wishes[i].Source, wishes[i].File, wishes[i].Regular = real, !info.IsDir(), info.Mode().IsRegular()
	}
	return nil
}

// devices looks at what lies at each path, so that the posture is about the
// device and not about a name.
func devices(in []container.DeviceMapping) ([]sandbox.Device, error) {
	var out []sandbox.Device
	for _, d := range in {
		var st unix.Stat_t
		if err := unix.Stat(d.PathOnHost, &st); err != nil {
			return nil, fmt.Errorf("device %s: %w: %w", d.PathOnHost, err, errdefs.ErrInvalidArgument)
		}
		kind := map[uint32]string{unix.S_IFCHR: "c", unix.S_IFBLK: "b"}[st.Mode&unix.S_IFMT]
		if kind == "" {
			return nil, fmt.Errorf("device %s: it is not a device: %w", d.PathOnHost, errdefs.ErrInvalidArgument)
		}
		inside := d.PathInContainer
		if inside == "" {
			inside = d.PathOnHost
		}
		out = append(out, sandbox.Device{
			HostPath: d.PathOnHost, ContainerPath: inside, Permissions: d.CgroupPermissions,
			Kind: kind, Major: int64(unix.Major(st.Rdev)), Minor: int64(unix.Minor(st.Rdev)),
		})
	}
	return out, nil
}

// person is who a process runs as, with the home directory of the image's
// own list of users.
type person struct {
	sandbox.Identity
	home string
}

func (e *Engine) identity(ctx context.Context, img image.Image, user string, groups []string) (person, error) {
	layers, err := e.opts.Images.Rootfs(ctx, img)
	if err != nil {
		return person{}, err
	}
	view, err := rootfs.OpenLayers(layers.Lower)
	if err != nil {
		return person{}, err
	}
	defer view.Close()
	u, err := view.LookupUser(user, groups)
	if err != nil {
		return person{}, fmt.Errorf("user %q: %w: %w", user, err, errdefs.ErrInvalidArgument)
	}
	return person{Identity: sandbox.Identity{UID: u.UID, GID: u.GID, Groups: u.Groups}, home: u.Home}, nil
}

// filled lists which of the places that get a tmpfs the image has something
// in, so that the tmpfs can begin with it.
func (e *Engine) filled(ctx context.Context, img image.Image) ([]string, error) {
	layers, err := e.opts.Images.Rootfs(ctx, img)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, place := range []string{"/run", "/tmp", "/var/tmp"} {
		if slices.ContainsFunc(layers.Lower, func(layer string) bool { return holds(layer, place) }) {
			out = append(out, place)
		}
	}
	return out, nil
}

// holds says that a layer has something in a directory. A link there counts
// as nothing: it could lead anywhere on the host.
func holds(layer, place string) bool {
	top, err := os.Open(layer)
	if err != nil {
		return false
	}
	defer top.Close()
	dir, err := rootfs.OpenBeneath(top, place[1:], os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return false
	}
	defer dir.Close()
	names, err := dir.Readdirnames(1)
	return err == nil && len(names) > 0
}

// withHome adds what every process expects in its environment.
func withHome(env []string, home string, tty bool) []string {
	defaults := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home}
	if tty {
		defaults = append(defaults, "TERM=xterm")
	}
	return addMissing(env, defaults)
}
