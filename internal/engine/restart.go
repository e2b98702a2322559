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
	return verdict{restart: true, delay: pause(inRow)}, inRow + 1
}

// pause is how long a restart waits that follows so many in a row.
func pause(inRow int) time.Duration {
	if inRow > 20 { // far beyond lastDelay, and before it overflows
		return lastDelay
	}
	return min(firstDelay<<max(0, inRow), lastDelay)
}

// returns is the restart policy after the machine went down, as Docker
// documents it: `always` comes back even when it was stopped, `unless-stopped`
// unless it was, and `on-failure` does not, since going down with the machine
// is no failure of the container.
func returns(p container.RestartPolicy, stopped bool) bool {
	switch p.Name {
	case container.RestartPolicyAlways:
		return true
	case container.RestartPolicyUnlessStopped:
		return !stopped
	}
	return false
}

// afterExit decides what follows the end of a run that lasted for ran. That the
// end was asked for may have been noted by an earlier daemon.
func (e *Engine) afterExit(c *cont, exit runtime.Exit, ran time.Duration) verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	var v verdict
	asked := c.asked || c.rec.StoppedByUser || c.rec.State.Fault != ""
	v, c.retry.inRow = decide(c.rec.HostConfig.RestartPolicy, asked, exit.Code, ran, c.retry.inRow)
	return v
}

// restartAgain goes on with a restart that an earlier daemon had planned.
func (e *Engine) restartAgain(c *cont) {
	rec := c.record()
	due := rec.State.FinishedAt.Add(pause(rec.RetriesInRow - 1))
	e.restartLater(c, min(max(0, time.Until(due)), lastDelay))
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
	err := e.begin(ctx, c)
	if err == nil {
		return
	}
	e.log.Warn("a container could not be restarted", "container", c.id(), "error", err)
	v := e.afterExit(c, runtime.Exit{Code: c.record().State.ExitCode}, 0)
	if !v.restart {
		return
	}
	if err := e.change(c, func(r *store.Container) { r.State.Status, r.RetriesInRow = store.Restarting, c.retry.inRow }); err != nil {
		e.log.Error("restart", "container", c.id(), "error", err)
		return
	}
	e.restartLater(c, v.delay)
}

// countRestart counts a restart in the transaction that ends it, so that one
// which a crash has cut short counts once.
func countRestart(r *store.Container) {
	if r.State.Status == store.Restarting {
		r.RestartCount++
	}
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
