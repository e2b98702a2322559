package engine

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
)

// The defaults of a health check are Docker's.
const (
	healthInterval = 30 * time.Second
	healthTimeout  = 30 * time.Second
	healthRetries  = 3
	healthBegin    = 15 * time.Second // to start a check
	healthStart    = 5 * time.Second  // interval while a container may still be starting
	healthKept     = 5                // results that are shown
	healthOutput   = 4096             // bytes of output kept of each
)

// health is the state of a container's check. It is not stored: a node that
// comes back looks again at once.
type health struct {
	cancel context.CancelFunc

	mu     sync.Mutex
	status container.HealthStatus
	streak int
	log    []*container.HealthcheckResult
}

// adoptedWithin spreads the first checks of adopted containers, so that a node
// with many does not begin with all of them at once.
const adoptedWithin = 2 * time.Second

// startHealth begins the container's check, if it has one. That of an adopted
// container begins at once: what an earlier daemon knew may not be so any more,
// and nobody should wait for an interval to hear it.
func (e *Engine) startHealth(c *cont, adopted bool) {
	cfg := c.record().Config.Healthcheck
	args := healthArgs(c, cfg)
	r := c.current()
	if args == nil || r == nil {
		return
	}
	ctx, cancel := context.WithCancel(e.ctx)
	h := &health{cancel: cancel, status: container.Starting}
	c.mu.Lock()
	r.health = h
	c.mu.Unlock()
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		first := time.Duration(-1)
		if adopted {
			first = rand.N(min(adoptedWithin, or(cfg.Interval, healthInterval)))
		}
		e.checkHealth(ctx, c, r, h, args, cfg, first)
	}()
}

func healthArgs(c *cont, cfg *container.HealthConfig) []string {
	if cfg == nil || len(cfg.Test) < 2 {
		return nil
	}
	switch cfg.Test[0] {
	case "CMD":
		return cfg.Test[1:]
	case "CMD-SHELL":
		shell := c.record().Config.Shell
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		return append(slices.Clone(shell), cfg.Test[1])
	}
	return nil
}

func (e *Engine) checkHealth(ctx context.Context, c *cont, r *run, h *health, args []string, cfg *container.HealthConfig, first time.Duration) {
	begun := c.record().State.StartedAt // of an adopted container long ago
	for {
		interval := or(cfg.Interval, healthInterval)
		starting := time.Since(begun) < cfg.StartPeriod
		if starting {
			interval = or(cfg.StartInterval, min(healthStart, interval))
		}
		if first >= 0 {
			interval, first = first, -1
		}
		select {
		case <-ctx.Done():
			return
		case <-r.ended:
			return
		case <-time.After(interval):
		}
		result := e.probe(ctx, c, r, args, or(cfg.Timeout, healthTimeout))
		if ctx.Err() != nil {
			return
		}
		retries := cfg.Retries
		if retries <= 0 {
			retries = healthRetries
		}
		if before, now := h.add(result, retries, starting); before != now {
			e.emit(c, events.Action("health_status: "+string(now)), nil)
		}
	}
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// add is the rule of when a container is healthy: at once after a success,
// no more after so many failures in a row that do not fall into its start.
func (h *health) add(r *container.HealthcheckResult, retries int, starting bool) (before, now container.HealthStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before = h.status
	h.log = append(h.log, r)
	if len(h.log) > healthKept {
		h.log = h.log[1:]
	}
	switch {
	case r.ExitCode == 0:
		h.status, h.streak = container.Healthy, 0
	case starting && h.status == container.Starting:
	default:
		h.streak++
		if h.streak >= retries {
			h.status = container.Unhealthy
		}
	}
	return before, h.status
}

func (h *health) state() *container.Health {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return &container.Health{Status: h.status, FailingStreak: h.streak, Log: slices.Clone(h.log)}
}

func (r *run) stopHealth() {
	if r != nil && r.health != nil {
		r.health.cancel()
	}
}

// probe runs the check once, with the container's own posture.
func (e *Engine) probe(ctx context.Context, c *cont, r *run, args []string, timeout time.Duration) *container.HealthcheckResult {
	out := &container.HealthcheckResult{Start: time.Now(), ExitCode: -1}
	defer func() { out.End = time.Now() }()
	rec := c.record()
	process, err := sandbox.ExecProcess(rec.Posture, sandbox.ExecRequest{Args: args})
	if err != nil {
		out.Output = err.Error()
		return out
	}
	// The timeout is the check's own and not that of a busy node which starts it.
	starting, cancelStart := context.WithTimeout(ctx, healthBegin)
	defer cancelStart()
	id := newID()
	s, err := r.Attach(starting, runtime.AttachRequest{ExecID: id, Stdout: true, Stderr: true})
	if err != nil {
		out.Output = unhealthy(err, healthBegin, "")
		return out
	}
	defer s.Close()
	if _, err := r.Exec(starting, runtime.ExecRequest{ID: id, Process: process}); err != nil {
		out.Output, out.ExitCode = unhealthy(err, healthBegin, ""), execFailure(err)
		return out
	}
	limit, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	context.AfterFunc(limit, func() { _ = s.Close() })
	said := readSome(s)
	out.Output = said
	exit, err := r.ExecWait(limit, id)
	if errors.Is(err, context.DeadlineExceeded) {
		_ = r.SignalExec(context.WithoutCancel(ctx), id, 9)
		out.Output = unhealthy(err, timeout, said)
		return out
	}
	if err == nil {
		out.ExitCode = exit.Code
	}
	return out
}

// unhealthy says why a check did not come to an end of its own, and what it had said until then.
func unhealthy(err error, timeout time.Duration, said string) string {
	text := err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		text = "Health check exceeded timeout (" + timeout.String() + ")"
	}
	if said != "" {
		text += ": " + said
	}
	return text
}

// readSome reads a stream to its end, which may be ours, and keeps the beginning.
func readSome(s Stream) string {
	var b bytes.Buffer
	for {
		_, p, err := s.ReadFrame()
		if err != nil {
			return b.String()
		}
		b.Write(p[:min(len(p), healthOutput-b.Len())])
	}
}
