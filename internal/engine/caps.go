package engine

import (
	"fmt"
	"slices"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/engine/translate"
	"github.com/bailey-run/bailey/internal/runtime/quota"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// knownVolumes tells of volumes that exist how much they may hold: that was
// decided when they were made, and is not for this request to change.
func (e *Engine) knownVolumes(wishes []translate.MountWish) {
	for i := range wishes {
		w := &wishes[i]
		if w.Type != sandbox.MountVolume || w.Anonymous {
			continue
		}
		if c, watched, ok := e.volumeCap(w.Source); ok {
			w.Exists, w.Watched, w.SizeBytes, w.Inodes = true, watched, c.Bytes, c.Inodes
		}
	}
}

// volumeCap is what a volume may hold, and whether that is only watched.
func (e *Engine) volumeCap(name string) (c quota.Cap, watched, ok bool) {
	v, err := e.volumes.Get(name)
	if err != nil {
		return c, false, false
	}
	_, capped, err := e.disk.Capped(e.volumes.Path(name))
	return e.capOfVolume(&v), err != nil || !capped, true
}

func (e *Engine) capOfVolume(v *store.Volume) quota.Cap {
	if v.Bytes == 0 && v.Inodes == 0 {
		return e.defaultCap()
	}
	return quota.Cap{Bytes: v.Bytes, Inodes: v.Inodes}
}

// defaultCap is that of a volume or root of before there were caps.
func (e *Engine) defaultCap() quota.Cap {
	c, _ := sandbox.DecideVolume(sandbox.DiskCap{}, sandbox.Policy{}, sandbox.Caller{}, e.opts.Facts) // the default needs no permission
	return quota.Cap(c)
}

// capOf is what the posture gives the volume at a place in the container. One
// that is mounted for reading only has the default, for whoever writes to it later.
func (e *Engine) capOf(p sandbox.Posture, target string) quota.Cap {
	for _, m := range p.Mounts {
		if m.Target == target && m.SizeBytes != 0 {
			return quota.Cap{Bytes: m.SizeBytes, Inodes: m.Inodes}
		}
	}
	return e.defaultCap()
}

// currentCaps shows the caps of volumes as they are now: they can be resized.
func (e *Engine) currentCaps(mounts []sandbox.PostureMount) []sandbox.PostureMount {
	mounts = slices.Clone(mounts)
	for i := range mounts {
		m := &mounts[i]
		if m.Kind != sandbox.MountVolume || m.ReadOnly {
			continue
		}
		if c, watched, ok := e.volumeCap(m.Source); ok {
			m.SizeBytes, m.Inodes, m.Watched = c.Bytes, c.Inodes, watched
		}
	}
	return mounts
}

// rootCap is what a container may write to its root file system.
func (e *Engine) rootCap(rec *store.Container) quota.Cap {
	if root := rec.Posture.Root; root.SizeBytes != 0 {
		return quota.Cap{Bytes: root.SizeBytes, Inodes: root.Inodes}
	}
	return e.defaultCap()
}

// capRoot has the file system cap a writable root, where it can. Both
// directories of the overlay belong to the project: files move between them.
func (e *Engine) capRoot(rec *store.Container) error {
	if !rec.Posture.Root.Writable || !e.disk.Hard || !rec.State.StartedAt.IsZero() {
		return nil
	}
	err := e.disk.Limit(e.rootCap(rec), e.upperDir(rec.ID), e.workDir(rec.ID))
	if err != nil {
		return fmt.Errorf("container %s: its root file system: %w", rec.Name, err)
	}
	return nil
}
