package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/engine/space"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime/quota"
	"github.com/bailey-run/bailey/internal/sandbox"
	units "github.com/docker/go-units"
	"github.com/moby/moby/api/types/events"
)

// lookInterval is how often the file system as a whole is looked at, which
// costs one system call.
const lookInterval = time.Second

// leisure bounds what all places together cost: a fifth of one processor, however many could be over their caps.
const leisure = 4

// actionOverCap is the event of a container that is ended for what it holds on disk.
const actionOverCap events.Action = "over-disk-cap"

// diskWatch is what is known of what containers hold on disk.
type diskWatch struct {
	mu      sync.Mutex
	ledger  *space.Ledger
	writers space.Writers
}

func newDiskWatch(disk *quota.FileSystem) *diskWatch {
	return &diskWatch{ledger: space.NewLedger(space.Reserve(disk.Bytes))}
}

func (w *diskWatch) forget(dir string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ledger.Forget(dir)
}

func (w *diskWatch) begin(places []writable) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range places {
		w.ledger.Begin(p.Dir)
	}
}

// writable is a place on disk that a container writes to.
type writable struct {
	space.Place
	volume string // its name; "" for the root file system
	target string // in the container
	c      *cont
}

// what names the place for messages.
func (w writable) what() string {
	if w.volume == "" {
		return "the root file system"
	}
	return "volume " + w.volume
}

// mend is the command that gives it more room.
func (w writable) mend() string {
	more := fmt.Sprintf("%dm", max(2*w.Cap.Bytes>>20, 1))
	if w.volume == "" {
		return fmt.Sprintf("start it and remove files, or make it anew with more: bailey run --storage-opt size=%s …", more)
	}
	return fmt.Sprintf("remove files from it, or give it more: bailey volume create --opt size=%s %s", more, w.volume)
}

// writable lists the places that a container may write to.
func (e *Engine) writable(c *cont) []writable {
	rec := c.record()
	var out []writable
	for _, m := range rec.Mounts {
		if m.Type != sandbox.MountVolume || m.ReadOnly {
			continue
		}
		if v, err := e.volumes.Get(m.Name); err == nil {
			place := space.Place{Dir: e.volumes.Path(m.Name), Cap: e.capOfVolume(&v)}
			out = append(out, writable{Place: place, volume: m.Name, target: m.Destination, c: c})
		}
	}
	if rec.Posture.Root.Writable {
		out = append(out, writable{Place: space.Place{Dir: e.upperDir(rec.ID), Cap: e.rootCap(&rec)}, target: "/", c: c})
	}
	return out
}

// watchDisk ends containers that hold more on disk than they may, where the
// file system does not refuse it by itself, and those that fill what all share.
func (e *Engine) watchDisk(ctx context.Context) {
	pause := lookInterval
	for {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		began := time.Now()
		if err := e.lookAtDisk(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("what containers hold on disk cannot be measured", "error", err)
		}
		pause = max(lookInterval, time.Since(began)*leisure)
	}
}

// lookAtDisk is one round of watchDisk.
func (e *Engine) lookAtDisk(ctx context.Context) error {
	places, users := e.inUse()
	if len(places) == 0 {
		return nil
	}
	free, err := e.disk.Free()
	if err != nil {
		return err
	}
	w := e.watcher
	w.mu.Lock()
	w.ledger.Watch(places)
	due := w.ledger.Due(time.Now(), free)
	w.mu.Unlock()
	var errs []error
	for _, dir := range due {
		errs = append(errs, e.measure(ctx, dir, users[dir]))
	}
	if space.Low(e.disk.Bytes, free) {
		e.makeRoom(ctx, users, free)
	} else {
		w.writers.Calm(time.Now(), free, func() map[string]int64 { return e.written(ctx, users) })
	}
	return errors.Join(errs...)
}

// inUse lists the places that running containers write to, and which those are.
func (e *Engine) inUse() ([]space.Place, map[string][]writable) {
	var places []space.Place
	users := make(map[string][]writable)
	e.mu.RLock()
	all := slices.Collect(maps.Values(e.containers))
	e.mu.RUnlock()
	for _, c := range all {
		if _, err := c.running(); err != nil {
			continue
		}
		for _, p := range e.writable(c) {
			if p.Cap.Bytes <= 0 {
				continue // a policy allowed it any amount
			}
			if users[p.Dir] == nil {
				places = append(places, p.Place)
			}
			users[p.Dir] = append(users[p.Dir], p)
		}
	}
	return places, users
}

// measure looks at one place and ends who uses it when that holds too much.
func (e *Engine) measure(ctx context.Context, dir string, users []writable) error {
	w, began := e.watcher, time.Now()
	use, capped, err := e.disk.Capped(dir)
	if err == nil && !capped {
		w.mu.Lock()
		bound := w.ledger.Bound(dir)
		w.mu.Unlock()
		if use, err = space.Walk(ctx, dir, bound); errors.Is(err, space.ErrDepth) {
			use, err = quota.Usage{Bytes: users[0].Cap.Bytes + 1, Inodes: users[0].Cap.Inodes + 1}, nil // it hides something
		}
		for _, u := range users {
			deleted := e.deleted(ctx, u)
			use.Bytes, use.Inodes = use.Bytes+deleted.Bytes, use.Inodes+deleted.Inodes
		}
	}
	if err != nil {
		return err
	}
	free, err := e.disk.Free()
	if err != nil {
		return err
	}
	w.mu.Lock()
	over := w.ledger.Measured(dir, time.Now(), time.Since(began), use, free)
	w.mu.Unlock()
	if over && !capped {
		for _, u := range users {
			e.endOver(ctx, u, fmt.Sprintf("%s holds %s in %d files, more than its cap of %s and %d files; %s",
				u.what(), size(use.Bytes), use.Inodes, size(u.Cap.Bytes), u.Cap.Inodes, u.mend()))
		}
	}
	return nil
}

// deleted is what a container's processes hold of a place without a name.
func (e *Engine) deleted(ctx context.Context, u writable) quota.Usage {
	run := u.c.current()
	if run == nil {
		return quota.Usage{}
	}
	pids, err := run.Pids(ctx)
	if err != nil {
		return quota.Usage{} // it ended
	}
	return space.Deleted(pids, []string{u.target})[u.target]
}

// written is what each container has written so far.
func (e *Engine) written(ctx context.Context, users map[string][]writable) map[string]int64 {
	all := make(map[string]int64)
	for _, list := range users {
		for _, u := range list {
			run := u.c.current()
			if _, known := all[u.c.id()]; known || run == nil {
				continue
			}
			if pids, err := run.Pids(ctx); err == nil {
				all[u.c.id()] = space.Written(pids)
			}
		}
	}
	return all
}

// makeRoom ends the container that fills a disk that is nearly full, if it is one.
func (e *Engine) makeRoom(ctx context.Context, users map[string][]writable, free quota.Usage) {
	w := e.watcher
	why := fmt.Sprintf("the disk of the node has only %s left", size(free.Bytes))
	w.mu.Lock()
	dir, grown := w.ledger.Filler()
	w.mu.Unlock()
	if dir != "" {
		for _, u := range users[dir] {
			e.endOver(ctx, u, fmt.Sprintf("%s, and %s grew most, by %s; make room, for instance: bailey system prune", why, u.what(), size(grown)))
		}
		return
	}
	id, wrote := w.writers.Filler(free, e.written(ctx, users))
	for _, list := range users {
		for _, u := range list {
			if u.c.id() == id {
				e.endOver(ctx, u, fmt.Sprintf("%s, and this container wrote most, %s in files that have no name; make room, for instance: bailey system prune", why, size(wrote)))
				return
			}
		}
	}
}

// endOver ends a container for what it holds on disk, as the kernel would for
// want of memory.
func (e *Engine) endOver(ctx context.Context, u writable, reason string) {
	run, err := u.c.running()
	if err != nil {
		return // it ended by itself
	}
	e.log.Warn("a container is ended for what it holds on disk", "container", u.c.id(), "name", u.c.record().Name, "reason", reason)
	if err := e.change(u.c, func(r *store.Container) { r.State.Fault = reason }); err != nil {
		// Most likely nothing can be written any more: all the more it has to end.
		e.log.Error("the reason is not on disk", "container", u.c.id(), "error", err)
		u.c.remember(func(r *store.Container) { r.State.Fault = reason })
	}
	e.emit(u.c, actionOverCap, map[string]string{"place": u.what(), "reason": reason})
	if err := run.Kill(ctx); err != nil {
		e.log.Error("a container that fills the disk cannot be ended", "container", u.c.id(), "error", err)
	}
}

func size(n int64) string { return units.BytesSize(float64(n)) }
