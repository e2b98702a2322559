package engine

import (
	"context"
	"fmt"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
)

// Pause freezes every process of a container.
func (e *Engine) Pause(ctx context.Context, ref string) error {
	return e.freeze(ctx, ref, store.Running, store.Paused)
}

// Unpause lets them go on.
func (e *Engine) Unpause(ctx context.Context, ref string) error {
	return e.freeze(ctx, ref, store.Paused, store.Running)
}

func (e *Engine) freeze(ctx context.Context, ref string, from, to store.Status) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	run, err := c.running()
	if err != nil {
		return err
	}
	if rec := c.record(); rec.State.Status != from {
		return fmt.Errorf("container %s is %s, not %s: %w", rec.Name, rec.State.Status, from, errdefs.ErrConflict)
	}
	action, act, undo := events.ActionPause, run.Pause, run.Resume
	if to == store.Running {
		action, act, undo = events.ActionUnPause, run.Resume, run.Pause
	}
	if err := act(ctx); err != nil {
		return fmt.Errorf("%s container %.12s: %w", action, c.id(), err)
	}
	err = e.change(c, func(r *store.Container) {
		if r.State.Status == from { // it may have ended meanwhile
			r.State.Status = to
		}
	})
	if err != nil {
		_ = undo(context.WithoutCancel(ctx))
		return err
	}
	e.emit(c, action, nil)
	return nil
}
