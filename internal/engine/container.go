package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/runtime/nspool"
	"github.com/containerd/errdefs"
)

// cont is a container in memory.
//
// op serialises what changes its life (start, stop, remove, …): whoever
// holds it may take long. mu guards the fields and is held briefly; it may be
// taken while op is held, never the other way round.
type cont struct {
	op chan struct{} // a mutex that a context can give up on

	mu      sync.Mutex
	rec     *store.Container
	run     *run // from prepare until the last trace of it is gone
	waiters map[*waiter]struct{}
	retry   retry
	asked   bool // the next end was asked for
	keep    bool // the next end is the first half of a restart
}

// run is one life of a container's process and what the kernel lent it.
type run struct {
	*runtime.Container
	bind   *binding
	pair   *nspool.Pair  // from prepare until the process runs; nil for an adopted run
	ended  chan struct{} // closed when the process has ended and its output is complete
	over   chan struct{} // closed when nothing of the run is left
	health *health
	once   sync.Once // closes ended
}

// end says that the process has ended. It must be said before the record says so: whoever reads that the container does not
// run would otherwise take this run for one that is prepared, and clear it away a second time.
func (r *run) end() { r.once.Do(func() { close(r.ended) }) }

func newRun(rt *runtime.Container, b *binding) *run {
	return &run{Container: rt, bind: b, ended: make(chan struct{}), over: make(chan struct{})}
}

func newCont(rec *store.Container) *cont {
	c := &cont{op: make(chan struct{}, 1), rec: rec, waiters: make(map[*waiter]struct{})}
	c.retry.inRow = rec.RetriesInRow
	return c
}

// lock takes the container for an operation.
func (c *cont) lock(ctx context.Context) error {
	select {
	case c.op <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("container %.12s is busy with another operation: %w", c.id(), ctx.Err())
	}
}

func (c *cont) unlock() { <-c.op }

// record returns a copy of the record as it is now.
func (c *cont) record() store.Container {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *c.rec
}

func (c *cont) id() string {
	return c.rec.ID // never changes
}

func (c *cont) status() store.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rec.State.Status
}

func (c *cont) current() *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run
}

// running returns the run of a container that runs, or the error that says
// it does not.
func (c *cont) running() (*run, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.run == nil: // also when its end could not be recorded
	case c.rec.State.Status == store.Running, c.rec.State.Status == store.Paused:
		return c.run, nil
	}
	switch c.rec.State.Status {
	case store.Restarting:
		return nil, fmt.Errorf("container %s is between two restarts: wait for it, or stop it: %w", c.rec.Name, errdefs.ErrFailedPrecondition)
	}
	return nil, fmt.Errorf("container %s is not running: start it with `bailey start %s`: %w", c.rec.Name, c.rec.Name, errdefs.ErrFailedPrecondition)
}

// change edits the record, saves it, and keeps the edit only if it was saved.
func (e *Engine) change(c *cont, edit func(*store.Container)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := *c.rec
	edit(&next)
	if err := e.store.SaveContainer(&next); err != nil {
		return fmt.Errorf("container %s: record its state: %w", c.rec.Name, err)
	}
	c.rec = &next
	return nil
}

// find resolves a name, an id or an unambiguous beginning of an id.
func (e *Engine) find(ref string) (*cont, error) {
	name := strings.TrimPrefix(ref, "/")
	e.mu.RLock()
	defer e.mu.RUnlock()
	if c, ok := e.containers[name]; ok {
		return c, nil
	}
	if id, ok := e.names[name]; ok {
		return e.containers[id], nil
	}
	var found *cont
	if name != "" {
		for id, c := range e.containers {
			if !strings.HasPrefix(id, name) {
				continue
			}
			if found != nil {
				return nil, fmt.Errorf("%q begins the ids of several containers: give more of it: %w", ref, errdefs.ErrInvalidArgument)
			}
			found = c
		}
	}
	if found == nil {
		return nil, &NotFoundError{Kind: "container", Ref: ref}
	}
	return found, nil
}

// all returns every container, newest first.
func (e *Engine) all() []*cont {
	e.mu.RLock()
	out := make([]*cont, 0, len(e.containers))
	for _, c := range e.containers {
		out = append(out, c)
	}
	e.mu.RUnlock()
	slices.SortFunc(out, func(a, b *cont) int {
		ra, rb := a.record(), b.record()
		if d := rb.Created.Compare(ra.Created); d != 0 {
			return d
		}
		return strings.Compare(ra.ID, rb.ID)
	})
	return out
}
