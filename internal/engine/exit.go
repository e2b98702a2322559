package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/moby/moby/api/types/events"
)

// saveAgain is the pause between two attempts to save a record.
const saveAgain = time.Second

// watch follows a run to its end.
func (e *Engine) watch(c *cont) {
	run := c.current()
	e.background(func(ctx context.Context) {
		exit, err := run.Wait(ctx)
		if ctx.Err() != nil {
			return // the node stops; the container goes on
		}
		if err != nil {
			e.log.Error("the end of a container cannot be seen", "container", c.id(), "error", err)
			exit = runtime.Exit{Code: 137, Reason: err.Error()}
		}
		// An operation that is under way (a stop waits for this very end)
		// holds the container: the end is recorded beside it.
		e.ended(ctx, c, run, exit)
	})
}

// ended records the end of a run, tells everyone, and decides what follows.
func (e *Engine) ended(ctx context.Context, c *cont, r *run, exit runtime.Exit) {
	ctx = context.WithoutCancel(ctx)
	r.stopHealth()
	began := exit.Began
	if began.IsZero() {
		began = c.record().State.StartedAt
	}
	again := e.afterExit(c, exit, exit.At.Sub(began))
	hints := e.explain(ctx, c, exit)
	if c.record().HostConfig.AutoRemove && !again.restart && !c.kept() {
		c.remember(func(rec *store.Container) { rec.State.Hints = hints }) // for who is attached
		e.endAndRemove(ctx, c, r, exit)
		return
	}
	status := store.Exited
	if again.restart {
		status = store.Restarting
	}
	end := func(rec *store.Container) {
		countRestart(rec) // it had begun and ended before it was recorded
		setExit(rec, exit, status)
		rec.State.Hints, rec.RetriesInRow = hints, c.retry.inRow
		r.end() // whoever hears of it reads the record after this change
	}
	err := e.change(c, end)
	if err != nil {
		c.remember(end)
	}
	e.emitExit(c, exit)
	c.ended(WaitResult{ExitCode: exit.Code})
	if err != nil && !e.recordLater(c, err) {
		return // the supervisor's own record stays for the node that comes next
	}
	if err := e.teardown(ctx, c, r); err != nil {
		e.log.Error("an ended container left something behind; it is cleared when the node starts next", "container", c.id(), "error", err)
	}
	if again.restart {
		e.restartLater(c, again.delay)
	}
}

// endAndRemove is the end of a container that was to leave nothing: one
// transaction takes it away, the client is told, and only then the slow part
// follows. A crash in between leaves files without a record, which the next
// start of the node clears.
func (e *Engine) endAndRemove(ctx context.Context, c *cont, r *run, exit runtime.Exit) {
	r.end()
	if err := e.vanish(c, exit); err != nil {
		e.log.Error("a container that was to be removed stays", "container", c.id(), "error", err)
	}
	if err := errors.Join(e.teardown(ctx, c, r), e.removeLeftovers(c)); err != nil {
		e.log.Error("a removed container left something behind; it is cleared when the node starts next", "container", c.id(), "error", err)
	}
}

// vanish takes a container's record away and tells everybody.
func (e *Engine) vanish(c *cont, exit runtime.Exit) error {
	rec := c.record()
	if err := e.store.DeleteContainer(rec.ID, rec.Name); err != nil {
		return fmt.Errorf("remove container %s: %w", rec.Name, err)
	}
	c.mu.Lock()
	next := *c.rec
	setExit(&next, exit, store.Removing)
	c.rec = &next
	c.mu.Unlock()
	e.forget(&rec)
	if !rec.State.StartedAt.IsZero() {
		e.emitExit(c, exit)
	}
	e.emit(c, events.ActionDestroy, nil)
	c.removed(WaitResult{ExitCode: exit.Code})
	return nil
}

// removeLeftovers removes what a vanished container has on disk.
func (e *Engine) removeLeftovers(c *cont) error {
	rec := c.record()
	return errors.Join(e.removeFiles(&rec), e.removeAnonymousVolumes(&rec))
}

// remember changes the record in memory only.
func (c *cont) remember(edit func(*store.Container)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := *c.rec
	edit(&next)
	c.rec = &next
}

// recordLater saves a record that could not be saved, for instance on a full
// disk, as soon as that is possible. It returns false when the node stops
// before.
func (e *Engine) recordLater(c *cont, err error) bool {
	for err != nil {
		e.log.Error("the end of a container is not on disk yet", "container", c.id(), "error", err)
		select {
		case <-time.After(saveAgain):
		case <-e.ctx.Done():
			return false
		}
		err = e.change(c, func(*store.Container) {})
	}
	return true
}

func setExit(r *store.Container, exit runtime.Exit, status store.Status) {
	r.State.Status, r.State.Pid = status, 0
	if !exit.Began.IsZero() { // an earlier daemon may not have got to record the start
		r.State.StartedAt = exit.Began
	}
	r.State.ExitCode, r.State.OOMKilled = exit.Code, exit.OOM
	r.State.Error, r.State.FinishedAt = exit.Reason, exit.At
	if r.State.Fault != "" {
		r.State.Error = r.State.Fault
	}
}

func (e *Engine) emitExit(c *cont, exit runtime.Exit) {
	if exit.OOM {
		e.emit(c, events.ActionOOM, nil)
	}
	e.emit(c, events.ActionDie, map[string]string{"exitCode": strconv.Itoa(exit.Code)})
}
