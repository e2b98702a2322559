package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bailey-run/bailey/internal/network"
	"github.com/bailey-run/bailey/internal/runtime/nspool"
)

const (
	// readySlots is how many starts find everything prepared.
	readySlots = 8
	// quietTime is how long no start must have happened before the pool
	// refills, so that refilling does not compete with a burst of starts.
	quietTime = 150 * time.Millisecond
)

// slots hands out what a container needs of the kernel before it can start: a
// range of user ids, a user namespace, a network namespace, and a link on the
// default segment. All of it is held by descriptors and dies with them.
type slots struct {
	e    *Engine
	pool *nspool.Pool
}

func newSlots(e *Engine) *slots {
	s := &slots{e: e}
	s.pool = nspool.NewPool(nspool.Options{
		Size:    readySlots,
		Quiet:   quietTime,
		Claim:   e.ids.Claim,
		Release: e.ids.Release,
		Wire: func(p *nspool.Pair) (any, error) {
			return e.opts.Networks.Prewire(e.ctx, p.NetNS)
		},
		Unwire: func(_ *nspool.Pair, wired any) error {
			return e.opts.Networks.Discard(context.WithoutCancel(e.ctx), wired.(network.Segment))
		},
		Log: e.log,
	})
	return s
}

func (s *slots) close() {
	if err := s.pool.Close(); err != nil {
		s.e.log.Warn("prepared namespaces were not all taken down", "error", err)
	}
}

// slot is one such set, until it is bound to a container or dropped.
type slot struct {
	pair    *nspool.Pair
	segment network.Segment
}

func (s *slots) get(ctx context.Context) (*slot, error) {
	ready, err := s.pool.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare namespaces: %w", err)
	}
	return &slot{pair: ready.Pair, segment: ready.Wired.(network.Segment)}, nil
}

// drop gives up a slot that no container uses (any more).
func (s *slots) drop(sl *slot) error {
	return errors.Join(sl.pair.Close(), s.e.ids.Release(sl.pair.IDBase))
}
