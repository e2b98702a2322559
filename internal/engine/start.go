package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
)

// Start runs a container's process. It returns when the process runs, or with
// the reason why it does not; then nothing of the attempt is left.
func (e *Engine) Start(ctx context.Context, ref string) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	switch c.status() {
	case store.Running:
		return &NotModifiedError{What: "container " + c.record().Name + " is already running"}
	case store.Paused:
		return fmt.Errorf("container %s is paused: resume it with `bailey unpause`: %w", c.record().Name, errdefs.ErrFailedPrecondition)
	case store.Removing, store.Dead:
		return fmt.Errorf("container %s is being removed: %w", c.record().Name, errdefs.ErrFailedPrecondition)
	}
	c.resetRetry()
	return e.begin(ctx, c)
}

// begin starts a container that is locked and does not run.
func (e *Engine) begin(ctx context.Context, c *cont) error {
	defer e.slots.pool.Busy()() // refilling waits until the start is through
	// The client may leave; a start that was begun is finished or undone.
	ctx = context.WithoutCancel(ctx)
	if err := e.prepare(ctx, c); err != nil {
		return e.failStart(ctx, c, err)
	}
	started, err := e.launch(ctx, c)
	c.current().letGo() // the container itself holds its namespaces now
	if err != nil {
		return e.failStart(ctx, c, err)
	}
	e.watcher.begin(e.writable(c))
	err = e.change(c, func(r *store.Container) {
		countRestart(r)
		r.State = store.State{Status: store.Running, Pid: started.Pid, StartedAt: started.At, FinishedAt: r.State.FinishedAt}
		r.StoppedByUser, r.RetriesInRow = false, c.retry.inRow
	})
	if err != nil {
		return e.failStart(ctx, c, err)
	}
	e.watch(c)
	e.emit(c, events.ActionStart, nil)
	e.startHealth(c, false)
	return nil
}

// prepare gives the container its kernel resources and its supervisor, so
// that clients can attach; nothing of the container runs yet. It is
// idempotent.
func (e *Engine) prepare(ctx context.Context, c *cont) error {
	if r := c.current(); r != nil && !isClosed(r.ended) {
		return nil
	} else if r != nil {
		<-r.over // the end of the run before it is still being cleared away
	}
	rec := c.record()
	sl, err := e.slots.get(ctx)
	if err != nil {
		return err
	}
	runDir, dir := e.runDir(rec.ID), e.containerDir(rec.ID)
	undo := func(err error) error {
		return errors.Join(err, e.opts.Networks.Release(ctx, rec.ID), e.slots.drop(sl))
	}
	attachment, err := e.wire(ctx, &rec, sl)
	if err != nil {
		return undo(err)
	}
	if err := e.makeDirs(&rec); err != nil {
		return undo(err)
	}
	if err := e.capRoot(&rec); err != nil {
		return undo(err)
	}
	b := &binding{IDBase: sl.pair.IDBase, Attachment: attachment}
	if err := b.save(dir); err != nil {
		return undo(err)
	}
	rt, err := e.opts.Runtime.Prepare(ctx, runtime.PrepareRequest{
		ID: rec.ID, RunDir: runDir, ContainerDir: dir,
		Terminal: rec.Config.Tty, OpenStdin: rec.Config.OpenStdin, StdinOnce: rec.Config.StdinOnce,
		Log:  e.logOptions(&rec),
		Pair: sl.pair,
	})
	if err != nil {
		return undo(err)
	}
	r := newRun(rt, b)
	r.pair = sl.pair
	c.mu.Lock()
	c.run = r
	c.mu.Unlock()
	return nil
}

// launch has a prepared supervisor start the container's process.
func (e *Engine) launch(ctx context.Context, c *cont) (runtime.Started, error) {
	rec, run := c.record(), c.current()
	img, err := e.opts.Images.Get(ctx, rec.ImageID)
	if err != nil {
		return runtime.Started{}, fmt.Errorf("container %s: its image: %w", rec.Name, err)
	}
	layers, err := e.opts.Images.Rootfs(ctx, img)
	if err != nil {
		return runtime.Started{}, fmt.Errorf("container %s: %w", rec.Name, err)
	}
	root, err := e.rootFor(&rec, run.bind, layers)
	if err != nil {
		return runtime.Started{}, fmt.Errorf("container %s: %w", rec.Name, err)
	}
	sources, err := e.mountSources(&rec, layers)
	if err != nil {
		return runtime.Started{}, err
	}
	spec, err := sandbox.Spec(rec.Posture, e.bindingFor(&rec, run, sources))
	if err != nil {
		return runtime.Started{}, fmt.Errorf("container %s: %w", rec.Name, err)
	}
	if rec.Posture.AppArmor.Mode == sandbox.ModeDefault {
		name, text := rec.Posture.AppArmorProfile()
		if err := e.profiles.Load(ctx, name, text); err != nil {
			return runtime.Started{}, fmt.Errorf("container %s: %w", rec.Name, err)
		}
	}
	secrets, err := e.secrets(&rec, run.bind.IDBase)
	if err != nil {
		return runtime.Started{}, err
	}
	files, err := e.files(&rec, run.bind.IDBase)
	if err != nil {
		return runtime.Started{}, fmt.Errorf("container %s: %w", rec.Name, err)
	}
	size := rec.HostConfig.ConsoleSize
	return run.Start(ctx, runtime.StartRequest{
		Spec: spec, Rows: uint16(size[0]), Cols: uint16(size[1]),
		Rootfs:  root,
		Secrets: secrets,
		Files:   files,
		Ports:   forwards(run.bind.Attachment.Ports),
	})
}

// failStart undoes an attempt and records why it failed.
func (e *Engine) failStart(ctx context.Context, c *cont, cause error) error {
	code := 128
	var failed *runtime.StartError
	if errors.As(cause, &failed) && failed.Code != 0 {
		code = failed.Code
		cause = e.explainStart(ctx, c, failed, cause)
	}
	if err := e.teardown(ctx, c, c.current()); err != nil {
		e.log.Error("a failed start left something behind; it is cleared when the node starts next", "container", c.id(), "error", err)
	}
	if c.record().HostConfig.AutoRemove {
		err := e.vanish(c, runtime.Exit{Code: code, Reason: cause.Error(), At: time.Now()})
		return errors.Join(cause, err, e.removeLeftovers(c))
	}
	err := e.change(c, func(r *store.Container) {
		countRestart(r)
		status := store.Exited
		if r.State.Status == store.Created {
			status = store.Created
		}
		r.State.Status, r.State.Pid, r.State.ExitCode, r.State.Error = status, 0, code, cause.Error()
	})
	c.ended(WaitResult{ExitCode: code}) // the cause is the answer to the start; to wait has not failed
	return errors.Join(cause, err)
}

// teardown gives back what a run held. It is safe to repeat after a crash.
func (e *Engine) teardown(ctx context.Context, c *cont, r *run) error {
	if r == nil {
		return nil
	}
	r.end()
	r.letGo()
	defer func() {
		c.mu.Lock()
		c.run = nil
		c.mu.Unlock()
		close(r.over)
	}()
	errs := []error{r.Delete(ctx), e.opts.Networks.Release(ctx, c.id())}
	if r.bind.IDBase != 0 { // a run that never got that far holds none
		errs = append(errs, e.ids.Release(r.bind.IDBase))
	}
	return errors.Join(errs...)
}

// letGo closes the engine's own hold on the namespaces of a run.
func (r *run) letGo() {
	if r.pair != nil {
		_ = r.pair.Close()
		r.pair = nil
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
