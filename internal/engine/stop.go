package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/sys/signal"
)

// defaultGrace is how long a container may take to end by itself.
const defaultGrace = 10 * time.Second

// Stop asks a container to end and kills it when its grace is over.
func (e *Engine) Stop(ctx context.Context, ref string, o StopOptions) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	ctx, cancel := e.lasting(ctx)
	defer cancel()
	return e.stopLocked(ctx, c, o)
}

// lasting is a context for what is carried on with when the client that asked for it leaves: a container that was asked to end
// gets all of its grace, and one that is restarted comes back. It ends with the engine.
func (e *Engine) lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(e.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

func (e *Engine) stopLocked(ctx context.Context, c *cont, o StopOptions) error {
	rec := c.record()
	switch rec.State.Status {
	case store.Restarting:
		return e.abandonRestart(c)
	case store.Running, store.Paused:
	default:
		return &NotModifiedError{What: "container " + rec.Name + " is already stopped"}
	}
	sig, err := stopSignal(&rec, o.Signal)
	if err != nil {
		return err
	}
	run := c.askStop()
	if run == nil {
		return nil // it ended by itself just now
	}
	if err := e.change(c, func(r *store.Container) { r.StoppedByUser = true }); err != nil {
		return err
	}
	if rec.State.Status == store.Paused {
		if err := run.Resume(ctx); err != nil {
			return fmt.Errorf("container %s: resume it to stop it: %w", rec.Name, err)
		}
	}
	if err := run.Signal(ctx, sig); err != nil && !errors.Is(err, runtime.ErrNotRunning) {
		return fmt.Errorf("stop container %s: %w", rec.Name, err)
	}
	e.emit(c, events.ActionKill, map[string]string{"signal": fmt.Sprint(int(sig))})
	if err := e.awaitEnd(ctx, run, grace(&rec, o.Timeout)); err != nil {
		return err
	}
	e.emit(c, events.ActionStop, nil)
	return nil
}

// awaitEnd waits for the end of the run and enforces it after the grace.
func (e *Engine) awaitEnd(ctx context.Context, r *run, grace time.Duration) error {
	var late <-chan time.Time
	if grace >= 0 {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-r.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-late:
		return killRun(ctx, r)
	}
}

// killRun kills every process of the container and waits for its end.
func killRun(ctx context.Context, r *run) error {
	if err := r.Kill(ctx); err != nil && !errors.Is(err, runtime.ErrNotRunning) {
		return fmt.Errorf("kill container %.12s: %w", r.ID(), err)
	}
	select {
	case <-r.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill sends a signal to the container's main process. SIGKILL ends all of
// its processes.
func (e *Engine) Kill(ctx context.Context, ref, name string) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	sig := syscall.SIGKILL
	if name != "" {
		if sig, err = parseSignal(name); err != nil {
			return err
		}
	}
	if c.status() == store.Restarting && sig == syscall.SIGKILL {
		return e.abandonRestart(c)
	}
	run, err := c.running()
	if err != nil {
		return err
	}
	rec := c.record()
	final := sig == syscall.SIGKILL
	if stop, err := stopSignal(&rec, ""); err == nil && sig == stop {
		final = true
	}
	if final {
		c.askStop()
		if err := e.change(c, func(r *store.Container) { r.StoppedByUser = true }); err != nil {
			return err
		}
	}
	if sig == syscall.SIGKILL && rec.State.Status == store.Paused {
		if err := run.Resume(ctx); err != nil {
			return err
		}
	}
	err = run.Signal(ctx, sig)
	if errors.Is(err, runtime.ErrNotRunning) { // it ended by itself just now
		return fmt.Errorf("send %s to container %s: %w: %w", name, rec.Name, err, errdefs.ErrConflict)
	}
	if err != nil {
		return fmt.Errorf("send %s to container %s: %w", name, rec.Name, err)
	}
	e.emit(c, events.ActionKill, map[string]string{"signal": fmt.Sprint(int(sig))})
	if sig != syscall.SIGKILL {
		return nil
	}
	// Docker answers when it has ended, and clients start it again, or remove it, at once.
	select {
	case <-run.over:
	case <-time.After(endPatience):
	case <-ctx.Done():
	}
	return nil
}

// Restart stops a container if it runs and starts it.
func (e *Engine) Restart(ctx context.Context, ref string, o StopOptions) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	ctx, cancel := e.lasting(ctx)
	defer cancel()
	c.mu.Lock()
	c.keep = true
	c.mu.Unlock()
	var same *NotModifiedError
	if err := e.stopLocked(ctx, c, o); err != nil && !errors.As(err, &same) {
		return err
	}
	c.resetRetry()
	if err := e.begin(ctx, c); err != nil {
		return err
	}
	e.emit(c, events.ActionRestart, nil)
	return nil
}

// abandonRestart ends a container that waits between two restarts.
func (e *Engine) abandonRestart(c *cont) error {
	c.mu.Lock()
	c.cancelRetry()
	c.mu.Unlock()
	err := e.change(c, func(r *store.Container) {
		r.State.Status, r.StoppedByUser = store.Exited, true
	})
	c.ended(WaitResult{ExitCode: c.record().State.ExitCode})
	return err
}

// askStop notes that the end is wanted and returns the run that is to end.
func (c *cont) askStop() *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = true
	c.cancelRetry()
	return c.run
}

func grace(r *store.Container, asked *int) time.Duration {
	switch {
	case asked != nil:
		return time.Duration(*asked) * time.Second
	case r.Config.StopTimeout != nil:
		return time.Duration(*r.Config.StopTimeout) * time.Second
	}
	return defaultGrace
}

func stopSignal(r *store.Container, asked string) (syscall.Signal, error) {
	for _, s := range []string{asked, r.Config.StopSignal} {
		if s != "" {
			return parseSignal(s)
		}
	}
	return syscall.SIGTERM, nil
}

func parseSignal(s string) (syscall.Signal, error) {
	sig, err := signal.ParseSignal(strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("invalid signal: %s: use a name such as SIGTERM or a number from 1 to 64: %w", s, errdefs.ErrInvalidArgument)
	}
	return sig, nil
}
