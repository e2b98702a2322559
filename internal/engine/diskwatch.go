package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/engine/space"
	"github.com/bailey-run/bailey/internal/runtime/quota"
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
		w.writers.Calm(time.Now(), free, func() map[string]int64 { return written(ctx, users) })
	}
	return errors.Join(errs...)
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
			deleted := space.Deleted(u.user.diskPids(ctx), []string{u.target})[u.target]
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
			u.user.endForDisk(ctx, e, u, fmt.Sprintf("%s holds %s in %d files, more than its cap of %s and %d files; %s",
				u.what(), size(use.Bytes), use.Inodes, size(u.Cap.Bytes), u.Cap.Inodes, u.mend()))
		}
	}
	return nil
}

// written is what each user has written so far.
func written(ctx context.Context, users map[string][]writable) map[string]int64 {
	all := make(map[string]int64)
	for _, list := range users {
		for _, u := range list {
			if _, known := all[u.user.diskID()]; !known {
				all[u.user.diskID()] = space.Written(u.user.diskPids(ctx))
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
			u.user.endForDisk(ctx, e, u, fmt.Sprintf("%s, and %s grew most, by %s; make room, for instance: bailey system prune", why, u.what(), size(grown)))
		}
		return
	}
	id, wrote := w.writers.Filler(free, written(ctx, users))
	for _, list := range users {
		for _, u := range list {
			if u.user.diskID() == id {
				u.user.endForDisk(ctx, e, u, fmt.Sprintf("%s, and this one wrote most, %s in files that have no name; make room, for instance: bailey system prune", why, size(wrote)))
				return
			}
		}
	}
}

func size(n int64) string { return units.BytesSize(float64(n)) }
