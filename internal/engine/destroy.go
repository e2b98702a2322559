package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/bailey-run/bailey/internal/engine/store"
)

// StopAll kills every container that runs and returns when nothing of them is
// left in the kernel. Their records and files stay.
func (e *Engine) StopAll(ctx context.Context) error {
	var errs []error
	for _, c := range e.all() {
		if err := e.stopOne(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("container %.12s: %w", c.id(), err))
		}
	}
	e.sweep(ctx)
	return errors.Join(errs...)
}

func (e *Engine) stopOne(ctx context.Context, c *cont) error {
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	switch c.status() {
	case store.Running, store.Paused, store.Restarting:
		return e.forceEnd(ctx, c)
	}
	r := c.current()
	if r == nil {
		return nil
	}
	if isClosed(r.ended) {
		<-r.over
		return nil
	}
	return e.teardown(ctx, c, r)
}
