package engine

import (
	"context"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/moby/moby/api/types/container"
)

const (
	// defaultRetries bounds how often in a row a policy restarts a container
	// that names no number of its own.
	defaultRetries = 5
	// settled is how long a run must last to count as a success: the row of
	// failures then begins anew.
	settled = 10 * time.Second
	// The pause before a restart doubles from firstDelay up to lastDelay.
	firstDelay = 100 * time.Millisecond
	lastDelay  = time.Minute
)

// retry is how the row of failures of a container stands.
type retry struct {
	inRow int
	timer *time.Timer
}

// verdict is what follows an end.
type verdict struct {
	restart bool
	delay   time.Duration
}

// decide is the restart policy as a pure function.
func decide(p container.RestartPolicy, asked bool, exit int, ran time.Duration, inRow int) (verdict, int) {
	if ran >= settled {
		inRow = 0
	}
	wanted := false
	switch p.Name {
	case container.RestartPolicyAlways, container.RestartPolicyUnlessStopped:
		wanted = true
	case container.RestartPolicyOnFailure:
		wanted = exit != 0
	}
	limit := p.MaximumRetryCount
	if limit == 0 {
		limit = defaultRetries
	}
	if !wanted || asked || inRow >= limit {
		return verdict{}, inRow
	}
	return verdict{restart: true, delay: min(firstDelay<<inRow, lastDelay)}, inRow + 1
}

func (e *Engine) afterExit(c *cont, exit runtime.Exit) verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	var v verdict
	ran := exit.At.Sub(c.rec.State.StartedAt)
	asked := c.asked || c.rec.State.Fault != ""
	v, c.retry.inRow = decide(c.rec.HostConfig.RestartPolicy, asked, exit.Code, ran, c.retry.inRow)
	return v
}

// restartLater begins the container again after its pause, unless something
// else happens to it first.
func (e *Engine) restartLater(c *cont, delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retry.timer = time.AfterFunc(delay, func() {
		e.background(func(ctx context.Context) { e.restartNow(ctx, c) })
	})
}

func (e *Engine) restartNow(ctx context.Context, c *cont) {
	select {
	case <-e.ready:
	case <-ctx.Done():
		return
	}
	if err := c.lock(ctx); err != nil {
		return
	}
	defer c.unlock()
	if c.status() != store.Restarting {
		return
	}
	err := e.change(c, func(r *store.Container) { r.RestartCount++ })
	if err == nil {
		err = e.begin(ctx, c)
	}
	if err == nil {
		return
	}
	e.log.Warn("a container could not be restarted", "container", c.id(), "error", err)
	v := e.afterExit(c, runtime.Exit{Code: c.record().State.ExitCode, At: time.Now()})
	if !v.restart {
		return
	}
	if err := e.change(c, func(r *store.Container) { r.State.Status = store.Restarting }); err != nil {
		e.log.Error("restart", "container", c.id(), "error", err)
		return
	}
	e.restartLater(c, v.delay)
}

// resetRetry begins a new row: a person asked for this start.
func (c *cont) resetRetry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retry.inRow = 0
	c.asked, c.keep = false, false
	c.cancelRetry()
}

// kept says that the end that came is half of a restart, and forgets it.
func (c *cont) kept() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	keep := c.keep
	c.keep = false
	return keep
}

// cancelRetry stops a pending restart; mu is held.
func (c *cont) cancelRetry() {
	if c.retry.timer != nil {
		c.retry.timer.Stop()
		c.retry.timer = nil
	}
}
