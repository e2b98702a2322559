package engine

import (
	"context"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/moby/moby/api/types/container"
)

// waiter is a client that waits for a container.
type waiter struct {
	removed bool // wants the removal, not just the end
	result  chan WaitResult
}

// Wait tells when the condition is met. The waiter is registered when Wait
// returns, so a start that follows can not be missed. The channel gets one
// result, or is left alone when ctx ends first.
func (e *Engine) Wait(ctx context.Context, ref string, condition container.WaitCondition) (<-chan WaitResult, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, err
	}
	w := &waiter{removed: condition == container.WaitConditionRemoved, result: make(chan WaitResult, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := condition == "" || condition == container.WaitConditionNotRunning; now && !alive(c.rec.State.Status) {
		w.result <- WaitResult{ExitCode: c.rec.State.ExitCode}
		return w.result, nil
	}
	c.waiters[w] = struct{}{}
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiters, w)
	})
	return w.result, nil
}

// alive says that a container runs or is about to run again by itself.
func alive(s store.Status) bool {
	return s == store.Running || s == store.Paused || s == store.Restarting
}

// ended tells those who wait for the end of a run.
func (c *cont) ended(r WaitResult) { c.tell(r, false) }

// removed tells those who wait for the removal, and everybody else who is left.
func (c *cont) removed(r WaitResult) { c.tell(r, true) }

func (c *cont) tell(r WaitResult, gone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.waiters {
		if w.removed && !gone {
			continue
		}
		w.result <- r
		delete(c.waiters, w)
	}
}
