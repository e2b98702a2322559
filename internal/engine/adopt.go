package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/bailey-run/bailey/internal/engine/space"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/network"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/runtime/supervise"
	"github.com/moby/moby/api/types/container"
)

// adopting is how many containers are asked at once how they are.
const adopting = 16

// adopt compares what is recorded with what runs. The supervisors' word
// counts: a record is what was last known, a supervisor is what is.
func (e *Engine) adopt(ctx context.Context) error {
	found := e.askSupervisors(ctx)
	var live []network.Attachment
	ranges := make(map[uint32]bool)
	for _, f := range found {
		if f.status.State == runtime.Running {
			live = append(live, f.run.bind.Attachment)
			ranges[f.run.bind.IDBase] = true
		}
	}
	// One container's network that cannot be taken over must not keep the
	// node, and with it all others, from coming back.
	if err := e.opts.Networks.Adopt(ctx, live); err != nil {
		e.log.Error("the network of a running container was not taken over; restart the container to give it another", "error", err)
	}
	for _, f := range found {
		e.settle(ctx, f)
	}
	if _, err := e.ids.Reclaim(ranges); err != nil {
		return fmt.Errorf("adopt user ids: %w", err)
	}
	e.background(e.sweep)
	return nil
}

// mayHaveEnded says that a container is recorded as running and that its
// supervisor has left a record of its end, which also outlives a reboot.
func (e *Engine) mayHaveEnded(c *cont) bool {
	s := c.status()
	return (s == store.Running || s == store.Paused) && linkExists(filepath.Join(e.containerDir(c.id()), supervise.ExitFile))
}

// finding is what became of a recorded container's last run.
type finding struct {
	c      *cont
	run    *run
	status runtime.Status
}

func (e *Engine) askSupervisors(ctx context.Context) []finding {
	all := e.all()
	out := make([]finding, len(all))
	var wg sync.WaitGroup
	gate := make(chan struct{}, adopting)
	for i, c := range all {
		if !linkExists(e.runDir(c.id())) && !e.mayHaveEnded(c) {
			out[i] = finding{c: c}
			continue
		}
		wg.Add(1)
		gate <- struct{}{}
		go func() {
			defer func() { <-gate; wg.Done() }()
			out[i] = e.ask(ctx, c)
		}()
	}
	wg.Wait()
	return out
}

func (e *Engine) ask(ctx context.Context, c *cont) finding {
	rt, status, err := e.opts.Runtime.Adopt(ctx, c.id(), e.runDir(c.id()), e.containerDir(c.id()))
	if err != nil {
		e.log.Error("a container cannot be adopted", "container", c.id(), "error", err)
		return finding{c: c}
	}
	b, err := loadBinding(e.containerDir(c.id()))
	if err != nil {
		if status.State == runtime.Running {
			e.log.Error("a running container has lost its binding; its network cannot be adopted", "container", c.id(), "error", err)
		}
		b = &binding{}
	}
	return finding{c: c, run: newRun(rt, b), status: status}
}

// settle makes a container's record say what is true and goes on from there.
func (e *Engine) settle(ctx context.Context, f finding) {
	was := f.c.status()
	f.c.mu.Lock()
	f.c.run = f.run
	f.c.mu.Unlock()
	e.adoptExecs(ctx, f)
	var err error
	switch {
	case f.run != nil && f.status.State == runtime.Running:
		err = e.resume(f, was)
	case f.run != nil && f.status.State == runtime.Exited && news(f.c.record().State, f.status.Exit):
		e.ended(ctx, f.c, f.run, f.status.Exit)
	case f.run != nil && f.status.State == runtime.SupervisorLost:
		err = f.run.Kill(ctx)
		e.ended(ctx, f.c, f.run, runtime.Exit{Code: 137, Reason: runtime.ReasonSupervisorLost, At: e.started})
	case was == store.Running || was == store.Paused:
		e.lostRun(ctx, f)
	default:
		err = e.teardown(ctx, f.c, f.run)
		e.comeBack(f.c, was)
	}
	if err != nil {
		e.log.Error("a container is not as it was recorded", "container", f.c.id(), "error", err)
	}
}

// news says that an end is one that the record does not know of: neither the
// one it has, nor that of an earlier run.
func news(s store.State, exit runtime.Exit) bool {
	return !s.FinishedAt.Equal(exit.At) && (exit.Began.IsZero() || !exit.Began.Before(s.StartedAt))
}

// comeBack does what is still due to a container that does not run.
func (e *Engine) comeBack(c *cont, was store.Status) {
	rec := c.record()
	switch {
	case was == store.Restarting:
		e.restartAgain(c)
	case was != store.Exited:
	case e.rebooted && returns(rec.HostConfig.RestartPolicy, rec.StoppedByUser):
		err := e.change(c, func(r *store.Container) { r.State.Status, r.RetriesInRow = store.Restarting, 0 })
		if err != nil {
			e.log.Error("a container does not come back after the machine went down", "container", rec.ID, "error", err)
			return
		}
		c.resetRetry()
		e.restartLater(c, 0)
	case rec.HostConfig.AutoRemove: // the daemon died between the halves of a restart
		e.removeLost(rec.ID)
	}
}

func (e *Engine) removeLost(id string) {
	e.background(func(ctx context.Context) {
		if err := e.Remove(ctx, id, RemoveOptions{Volumes: true}); err != nil {
			e.log.Error("remove a container that was to remove itself", "container", id, "error", err)
		}
	})
}

// resume takes a running container back.
func (e *Engine) resume(f finding, was store.Status) error {
	status := store.Running
	if was == store.Paused {
		status = store.Paused
	}
	var err error
	if rec := f.c.record(); was != status || rec.State.Pid != f.status.Started.Pid || rec.State.Fault != "" {
		err = e.change(f.c, func(r *store.Container) {
			countRestart(r)
			r.State = store.State{Status: status, Pid: f.status.Started.Pid, StartedAt: f.status.Started.At, FinishedAt: r.State.FinishedAt}
		})
	}
	e.watch(f.c)
	e.startHealth(f.c, true)
	return err
}

// lostRun is a run of which nothing is left and nobody saw the end: the
// machine went down. Its restart policy says whether it comes back.
func (e *Engine) lostRun(ctx context.Context, f finding) {
	if err := e.teardown(ctx, f.c, f.run); err != nil {
		e.log.Error("clear away a lost run", "container", f.c.id(), "error", err)
	}
	rec := f.c.record()
	back := rec.HostConfig.RestartPolicy
	again := returns(back, rec.StoppedByUser)
	if !e.rebooted { // something killed it together with its supervisor
		again = !rec.StoppedByUser && (again || back.Name == container.RestartPolicyOnFailure)
	}
	status := store.Exited
	if again {
		status = store.Restarting
	}
	err := e.change(f.c, func(r *store.Container) {
		r.State.Status, r.State.Pid, r.State.ExitCode = status, 0, 255
		r.State.Error, r.State.FinishedAt = "the machine or its processes went down and nobody saw the end", e.started
	})
	if err != nil {
		e.log.Error("a lost run is not recorded", "container", f.c.id(), "error", err)
	}
	switch {
	case again:
		e.restartLater(f.c, 0)
	case rec.HostConfig.AutoRemove:
		e.removeLost(rec.ID)
	}
}

// sweep removes what no record names: the rest of a removal that was cut
// short, or of a create that was never acknowledged.
func (e *Engine) sweep(ctx context.Context) {
	known := func(id string) bool {
		e.mu.RLock()
		defer e.mu.RUnlock()
		_, ok := e.containers[id]
		_, isStep := e.steps[id]
		return ok || isStep || e.damaged[id]
	}
	orphans, err := e.opts.Runtime.Orphans(ctx, known)
	if err != nil {
		e.log.Error("look for orphans", "error", err)
	}
	for _, o := range orphans {
		e.log.Info("removing an orphan", "kind", o.Kind, "container", o.ID)
		if err := e.opts.Runtime.RemoveOrphan(ctx, o); err != nil {
			e.log.Error("an orphan stays", "kind", o.Kind, "container", o.ID, "error", err)
		}
	}
	if err := sweepDirs(filepath.Join(e.opts.Dir, "containers"), known); err != nil {
		e.log.Error("sweep containers' files", "error", err)
	}
	if gone, err := e.volumes.Sweep(); err != nil {
		e.log.Error("sweep volumes", "error", err)
	} else if len(gone) > 0 {
		e.log.Info("removed what was left of volumes", "volumes", gone)
	}
}

func sweepDirs(dir string, known func(string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		if !known(entry.Name()) {
			errs = append(errs, space.Remove(filepath.Join(dir, entry.Name())))
		}
	}
	return errors.Join(errs...)
}

func linkExists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
