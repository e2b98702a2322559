package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bailey-run/bailey/internal/engine/space"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// writable is a place on disk that somebody writes to.
type writable struct {
	space.Place
	volume string // its name; "" for a root file system
	target string // in the container
	user   diskUser
}

// diskUser is who writes to a place: a container, or a step of a build.
type diskUser interface {
	diskID() string
	// diskPids are its processes as the host numbers them; none when it has ended.
	diskPids(ctx context.Context) []int
	// endForDisk ends it for what it holds on disk, as the kernel would for want of memory.
	endForDisk(ctx context.Context, e *Engine, w writable, reason string)
}

// what names the place for messages.
func (w writable) what() string {
	if w.volume == "" {
		return "the root file system"
	}
	return "volume " + w.volume
}

// mend is the command that gives it more room.
func (w writable) mend() string {
	more := fmt.Sprintf("%dm", max(2*w.Cap.Bytes>>20, 1))
	if _, isStep := w.user.(*step); isStep {
		return "remove in the same RUN what the image does not need, or write it to a cache mount: RUN --mount=type=cache,target=DIR …"
	}
	if w.volume == "" {
		return fmt.Sprintf("start it and remove files, or make it anew with more: bailey run --storage-opt size=%s …", more)
	}
	return fmt.Sprintf("remove files from it, or give it more: bailey volume create --opt size=%s %s", more, w.volume)
}

// inUse lists the places that are written to now, and by whom each.
func (e *Engine) inUse() ([]space.Place, map[string][]writable) {
	e.mu.RLock()
	all, steps := slices.Collect(maps.Values(e.containers)), slices.Collect(maps.Values(e.steps))
	e.mu.RUnlock()
	var places []space.Place
	users := make(map[string][]writable)
	add := func(list []writable) {
		for _, p := range list {
			if p.Cap.Bytes <= 0 {
				continue // a policy allowed it any amount
			}
			if users[p.Dir] == nil {
				places = append(places, p.Place)
			}
			users[p.Dir] = append(users[p.Dir], p)
		}
	}
	for _, c := range all {
		if _, err := c.running(); err == nil {
			add(e.writable(c))
		}
	}
	for _, s := range steps {
		add(s.writable())
	}
	return places, users
}

// writable lists the places that a container may write to.
func (e *Engine) writable(c *cont) []writable {
	rec := c.record()
	var out []writable
	for _, m := range rec.Mounts {
		if m.Type != sandbox.MountVolume || m.ReadOnly {
			continue
		}
		if v, err := e.volumes.Get(m.Name); err == nil {
			place := space.Place{Dir: e.volumes.Path(m.Name), Cap: e.capOfVolume(&v)}
			out = append(out, writable{Place: place, volume: m.Name, target: m.Destination, user: c})
		}
	}
	if rec.Posture.Root.Writable {
		out = append(out, writable{Place: space.Place{Dir: e.upperDir(rec.ID), Cap: e.rootCap(&rec)}, target: "/", user: c})
	}
	return out
}

func (c *cont) diskID() string { return c.id() }

func (c *cont) diskPids(ctx context.Context) []int {
	run := c.current()
	if run == nil {
		return nil
	}
	pids, _ := run.Pids(ctx) // none: it ended
	return pids
}

func (c *cont) endForDisk(ctx context.Context, e *Engine, w writable, reason string) {
	run, err := c.running()
	if err != nil {
		return // it ended by itself
	}
	e.log.Warn("a container is ended for what it holds on disk", "container", c.id(), "name", c.record().Name, "reason", reason)
	if err := e.change(c, func(r *store.Container) { r.State.Fault = reason }); err != nil {
		// Most likely nothing can be written any more: all the more it has to end.
		e.log.Error("the reason is not on disk", "container", c.id(), "error", err)
		c.remember(func(r *store.Container) { r.State.Fault = reason })
	}
	e.emit(c, actionOverCap, map[string]string{"place": w.what(), "reason": reason})
	if err := run.Kill(ctx); err != nil {
		e.log.Error("a container that fills the disk cannot be ended", "container", c.id(), "error", err)
	}
}

// writable lists the places that a step that runs writes to.
func (s *step) writable() []writable {
	if places := s.places.Load(); places != nil {
		return *places
	}
	return nil
}

// listPlaces finds them: its part of the image, and caches.
func (s *step) listPlaces() []writable {
	out := []writable{{Place: space.Place{Dir: s.r.Upper, Cap: s.e.defaultCap()}, target: "/", user: s}}
	for _, m := range s.r.Mounts {
		if dir := m.writes(); dir != "" {
			out = append(out, writable{Place: space.Place{Dir: dir, Cap: s.e.defaultCap()}, volume: "of the cache at " + m.Target, target: m.Target, user: s})
		}
	}
	return out
}

// writes is the directory that takes what is written to the mount, "" when there is none: a cache that nothing lies below
// is one directory, which is shown as it is.
func (m *StepMount) writes() string {
	switch {
	case m.ReadOnly, m.Tmpfs, m.Socket, m.File != nil:
	case m.Upper != "":
		return m.Upper
	case len(m.Lower) == 1:
		return m.Lower[0]
	}
	return ""
}

func (s *step) diskID() string { return s.id }

func (s *step) diskPids(context.Context) []int {
	pids, _ := s.e.opts.Runtime.Cgroups().Pids(s.id) // none: it has not begun, or has ended
	return pids
}

func (s *step) endForDisk(ctx context.Context, e *Engine, _ writable, reason string) {
	why := errors.New(reason)
	s.fault.Store(&why)
	e.log.Warn("a build step is ended for what it holds on disk", "step", s.id, "reason", reason)
	if err := e.opts.Runtime.Cgroups().KillAll(ctx, s.id); err != nil {
		e.log.Error("a build step that fills the disk cannot be ended", "step", s.id, "error", err)
	}
}
