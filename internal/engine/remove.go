package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/bailey-run/bailey/internal/engine/space"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
)

// Remove takes a container away. Its record goes in one transaction; files
// follow, and if that is cut short the next start of the node completes it.
func (e *Engine) Remove(ctx context.Context, ref string, o RemoveOptions) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if o.Link {
		return fmt.Errorf("container links are not supported: put both containers on a network of their own with `bailey network create`: %w", errdefs.ErrNotImplemented)
	}
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	return e.removeLocked(context.WithoutCancel(ctx), c, o)
}

func (e *Engine) removeLocked(ctx context.Context, c *cont, o RemoveOptions) error {
	rec := c.record()
	switch rec.State.Status {
	case store.Removing:
		return &NotFoundError{Kind: "container", Ref: rec.Name}
	case store.Running, store.Paused, store.Restarting:
		if !o.Force {
			return fmt.Errorf("cannot remove container %s: container is %s: stop it first, or remove it with --force: %w", rec.Name, rec.State.Status, errdefs.ErrConflict)
		}
		if err := e.forceEnd(ctx, c); err != nil {
			return err
		}
	}
	if r := c.current(); r != nil && isClosed(r.ended) {
		<-r.over
	} else if r != nil { // prepared for a client that attached, never started
		if err := e.teardown(ctx, c, r); err != nil {
			return fmt.Errorf("remove container %s: %w", rec.Name, err)
		}
	}
	if c.status() == store.Removing {
		return nil // it was to remove itself at its end, and did
	}
	if err := e.store.DeleteContainer(rec.ID, rec.Name); err != nil {
		return fmt.Errorf("remove container %s: %w", rec.Name, err)
	}
	c.mu.Lock()
	next := *c.rec
	next.State.Status = store.Removing
	c.rec = &next
	c.mu.Unlock()
	e.forget(&rec)
	e.emit(c, events.ActionDestroy, nil)
	c.removed(WaitResult{ExitCode: rec.State.ExitCode})
	err := e.removeFiles(&rec)
	if o.Volumes {
		err = errors.Join(err, e.removeAnonymousVolumes(&rec))
	}
	if err != nil {
		e.log.Error("a removed container left files behind; they are cleared when the node starts next", "container", rec.ID, "error", err)
	}
	return nil
}

// forceEnd kills what runs and waits until it is gone.
func (e *Engine) forceEnd(ctx context.Context, c *cont) error {
	if c.status() == store.Restarting {
		return e.abandonRestart(c)
	}
	r := c.askStop()
	if r == nil {
		return nil
	}
	if err := killRun(ctx, r); err != nil && !errors.Is(err, runtime.ErrNotRunning) {
		return err
	}
	return nil
}

// forget takes a container out of memory: no request finds it any more.
func (e *Engine) forget(rec *store.Container) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.containers, rec.ID)
	if e.names[rec.Name] == rec.ID {
		delete(e.names, rec.Name)
	}
	for id, x := range e.execs {
		if x.container == rec.ID {
			delete(e.execs, id)
		}
	}
}

func (e *Engine) removeFiles(rec *store.Container) error {
	e.watcher.forget(e.upperDir(rec.ID))
	if err := errors.Join(e.disk.Release(e.upperDir(rec.ID)), space.Remove(e.containerDir(rec.ID))); err != nil {
		return fmt.Errorf("files of container %s: %w", rec.Name, err)
	}
	return nil
}

func (e *Engine) removeAnonymousVolumes(rec *store.Container) error {
	var errs []error
	for _, m := range rec.Mounts {
		if m.Anonymous && len(e.volumeUsers(m.Name)) == 0 {
			errs = append(errs, e.dropVolume(m.Name))
		}
	}
	return errors.Join(errs...)
}

// volumeUsers names the containers that have the volume mounted.
func (e *Engine) volumeUsers(name string) []string {
	var users []string
	for _, c := range e.all() {
		rec := c.record()
		for _, m := range rec.Mounts {
			if m.Type == "volume" && m.Name == name {
				users = append(users, rec.Name)
			}
		}
	}
	return users
}
