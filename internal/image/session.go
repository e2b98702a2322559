package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/metadata/boltutil"
	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"
	bolt "go.etcd.io/bbolt"

	"github.com/bailey-run/bailey/internal/image/unpack"
)

// leaseTime is how long a lease protects unfinished work. No work outlives the process, whose successor drops all leases, so
// that it only has to be longer than any load or pull.
const leaseTime = 7 * 24 * time.Hour

// session is one piece of work that adds to the store: what it adds is protected by a lease until it has a name.
type session struct {
	s      *Store
	lease  leases.Lease
	named  bool
	cancel context.CancelFunc

	// Layers that are unpacked while they arrive; see stream.go. They outlive the call that brought them, so they live in the
	// context of the session.
	ctx     context.Context
	streams sync.WaitGroup
	ahead   *unpack.Budget
	mu      sync.Mutex
	staged  map[digest.Digest]*staged
	held    map[string]bool   // what hold need not write again
	dirs    map[string]string // directories that layers are unpacked in, by snapshot key, until they are committed

	built map[digest.Digest]string // see Built.Layers
}

// begin starts a session; everything done with the returned context belongs to it. end must follow.
func (s *Store) begin(ctx context.Context) (context.Context, *session, error) {
	ctx, cancel := context.WithCancel(s.context(ctx))
	lease, err := s.leases.Create(ctx, leases.WithID(uuid.NewString()), leases.WithExpiration(leaseTime))
	if err != nil {
		cancel()
		return nil, nil, fmt.Errorf("start work on images: %w", err)
	}
	x := &session{s: s, lease: lease, cancel: cancel, ahead: s.budget(), staged: map[digest.Digest]*staged{}, held: map[string]bool{}, dirs: map[string]string{}}
	x.ctx = leases.WithLease(ctx, lease.ID)
	return x.ctx, x, nil
}

// budget is what one image may take.
func (s *Store) budget() *unpack.Budget {
	return &unpack.Budget{MaxEntries: s.opts.Limits.Entries, MaxBytes: s.opts.Limits.ImageBytes}
}

// end drops the lease, and with it all that did not get a name. A session that failed cleans up before end returns; after one
// that succeeded there is little to remove, and it is removed in the background.
func (x *session) end(ctx context.Context) {
	x.cancel()
	x.streams.Wait()
	ctx = x.s.context(context.WithoutCancel(ctx))
	if x.named {
		x.s.work.Go(func() { x.s.cleanUp(ctx) })
		return
	}
	x.empty()
	if err := x.s.leases.Delete(ctx, x.lease); err != nil {
		x.s.log.Error("a failed load or pull leaves data behind until the next start", "error", err)
	}
	x.s.cleanUp(ctx)
}

// empty removes what was unpacked and never committed. The collector would do it too, but on a full disk it cannot write what
// it must before it removes anything.
func (x *session) empty() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, dir := range x.dirs {
		names, err := os.ReadDir(dir)
		for _, name := range names {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, name.Name())))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			x.s.log.Error("an unpacked layer that nothing needs stays on disk for now", "error", err)
		}
	}
}

// cleanUp collects and only reports what went wrong: nothing depends on it.
func (s *Store) cleanUp(ctx context.Context) {
	if err := s.collect(ctx); err != nil {
		s.log.Error("unneeded image data stays on disk until the next removal", "error", err)
	}
}

// Kinds of resources that a lease protects (core/metadata/leases.go).
const (
	kindBlob     = "content"
	kindSnapshot = "snapshots/" + snapshotter
)

// hold protects things that may be in the store already, whether they are or not: look for them afterwards. All are written
// in one transaction, for each waits for the disk.
func (x *session) hold(ctx context.Context, kind string, ids ...string) error {
	var fresh []string
	x.mu.Lock()
	for _, id := range ids {
		if !x.held[id] {
			fresh = append(fresh, id)
		}
	}
	x.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	err := x.s.db.Update(func(tx *bolt.Tx) error {
		ctx := boltutil.WithTransaction(ctx, tx)
		for _, id := range fresh {
			if err := x.s.leases.AddResource(ctx, x.lease, leases.Resource{ID: id, Type: kind}); err != nil {
				return fmt.Errorf("protect %s: %w", id, err)
			}
		}
		return nil
	})
	if err == nil {
		x.noteHeld(fresh...)
	}
	return err
}

// noteHeld remembers what the lease protects. Digests of blobs and of layer chains never meet.
func (x *session) noteHeld(ids ...string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		x.held[id] = true
	}
}
