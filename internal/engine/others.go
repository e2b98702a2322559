package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/engine/translate"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
)

// checkOthers looks for the containers that a request names, before anything else of it is judged: that one does not exist is
// a mistake in the request, whether or not what is asked of it would be allowed.
func (e *Engine) checkOthers(h *container.HostConfig, caller sandbox.Caller) error {
	var named []string
	for _, link := range h.Links {
		name, _, _ := strings.Cut(link, ":")
		if _, err := e.find(name); err != nil {
			return fmt.Errorf("could not get container for %s: No such container: %s: %w", name, name, errdefs.ErrInvalidArgument)
		}
		named = append(named, name)
	}
	for _, mode := range []string{string(h.NetworkMode), string(h.PidMode), string(h.IpcMode)} {
		name, joins := strings.CutPrefix(mode, "container:")
		if !joins {
			continue
		}
		if _, err := e.find(name); err != nil {
			//lint:ignore ST1005 Docker's clients look for these words
			return fmt.Errorf("No such container: %s, whose namespace is to be joined: %w", name, errdefs.ErrInvalidArgument)
		}
		named = append(named, name)
	}
	for _, from := range h.VolumesFrom {
		name, _, _ := strings.Cut(from, ":")
		named = append(named, name)
	}
	return e.CheckAttempts(caller, named...)
}

// CheckAttempts fails when one of the containers is an attempt of the node on its own controls and the caller is somebody
// else: its posture is one that the policy gives to nobody.
func (e *Engine) CheckAttempts(caller sandbox.Caller, refs ...string) error {
	if caller.Inside() {
		return nil
	}
	for _, ref := range refs {
		if c, err := e.find(ref); err == nil && c.record().Attempt {
			return fmt.Errorf("container %s belongs to `bailey prove`, which attacks this node's controls in it: it can be looked at, stopped and removed (bailey rm -f %s), and used by nobody else: %w",
				c.record().Name, c.record().Name, errdefs.ErrPermissionDenied)
		}
	}
	return nil
}

// volumesFrom are the volumes and host mounts of other containers, as if each were asked for anew: what the policy says of a
// host mount is asked for this caller.
func (e *Engine) volumesFrom(h *container.HostConfig, own []translate.MountWish) ([]translate.MountWish, error) {
	var out []translate.MountWish
	taken := func(target string) bool {
		same := func(w translate.MountWish) bool { return w.Target == target && !w.FromImage }
		return slices.ContainsFunc(own, same) || slices.ContainsFunc(out, same)
	}
	for _, from := range h.VolumesFrom {
		name, mode, _ := strings.Cut(from, ":")
		if mode != "" && mode != "ro" && mode != "rw" && mode != "z" && mode != "Z" {
			return nil, fmt.Errorf("invalid mode %q of --volumes-from %s: use ro or rw: %w", mode, name, errdefs.ErrInvalidArgument)
		}
		other, err := e.find(name)
		if err != nil {
			//lint:ignore ST1005 Docker's clients look for these words
			return nil, fmt.Errorf("No such container: %s, whose volumes are asked for: %w", name, errdefs.ErrInvalidArgument)
		}
		for _, m := range other.record().Mounts {
			if m.Type != sandbox.MountTmpfs && !taken(m.Destination) {
				out = append(out, wishFor(m, mode == "ro"))
			}
		}
	}
	return out, nil
}

// wishFor is the wish for what another container has.
func wishFor(m store.Mount, readOnly bool) translate.MountWish {
	w := translate.MountWish{Mount: sandbox.Mount{Type: m.Type, Source: m.Source, Target: m.Destination, ReadOnly: m.ReadOnly || readOnly}, Mode: m.Mode, NoCopy: true}
	if m.Type == sandbox.MountVolume {
		w.Source = m.Name
	}
	return w
}
