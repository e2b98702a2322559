package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// patience is how long a supervisor may take to go when there is nothing left
// for it to do.
const patience = 10 * time.Second

// Delete ends whatever is left of the container (supervisor, processes,
// control groups, the runtime's state, the run directory). It may be called in
// every state, again after a failure, and again after a success.
//
// A supervisor whose container has ended is left to deliver the last output to
// its clients: it holds nothing that is removed here.
//
// The runtime's own `delete` is not executed. For both runtimes, with groups
// in the cgroupfs manner and no hooks, it removes the groups and the directory
// of the container's state, and nothing else.
func (c *Container) Delete(ctx context.Context) error {
	if err := c.dismiss(ctx); err != nil {
		return fmt.Errorf("end the supervisor of container %.12s: %w", c.id, err)
	}
	kill := c.killRest
	if c.ended() && c.exit.Reason == "" {
		kill = c.killGroup // its supervisor saw to the rest
	}
	if err := kill(ctx); err != nil {
		return fmt.Errorf("end container %.12s: %w", c.id, err)
	}
	return errors.Join(
		c.r.cgroups.Remove(ctx, c.id),
		os.RemoveAll(filepath.Join(c.r.runtimeDir(), c.id)),
		// Last, for it is what a later daemon finds the rest by.
		os.RemoveAll(c.runDir),
	)
}

// dismiss makes sure that no supervisor will touch the container any more.
func (c *Container) dismiss(ctx context.Context) error {
	c.mu.Lock()
	started, control := c.started != nil, c.control
	c.mu.Unlock()
	switch {
	case c.ended():
		return nil
	case c.losing:
		_, err := c.Wait(ctx)
		return err
	case started:
		if err := c.Kill(ctx); err != nil {
			return err
		}
		return c.goodbye(ctx)
	case control != nil: // prepared, or failed to start
		control.Close()
		c.reap()
		select {
		case <-c.supervisorGone:
		case <-ctx.Done():
			return ctx.Err()
		}
		return nil
	}
	// Adopted, and nothing of it runs.
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	waitUnlocked(ctx, c.runDir)
	return ctx.Err()
}

// goodbye waits for the supervisor to tell the end of a container that was
// killed. One that does not, because something holds it up, is killed too: its
// connection is still there, so that the number is still its own.
func (c *Container) goodbye(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := c.Wait(short)
	if err == nil || ctx.Err() != nil {
		return err
	}
	c.r.opts.Log.Warn("a supervisor does not end and is killed", "container", c.id)
	if pid := c.SupervisorPid(); pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_, err = c.Wait(ctx)
	return err
}
