package nspool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"
)

// Options configures a Pool. Claim, Release, Wire and Unwire may be called
// from several goroutines at once.
type Options struct {
	// Size is how many pairs are kept ready; 0 makes every Get build one.
	Size int
	// Quiet is how long nothing must have been asked before the pool refills;
	// 0 means DefaultQuiet.
	Quiet time.Duration
	// Claim reserves a range of ids and Release gives it back.
	Claim   func() (idBase uint32, err error)
	Release func(idBase uint32) error
	// Wire prepares a pair's network; what it returns travels with the pair.
	// Unwire undoes it for a pair that was never handed out. Both may be nil.
	Wire   func(*Pair) (any, error)
	Unwire func(*Pair, any) error
	Log    *slog.Logger
}

// DefaultQuiet is long enough for a container to have started.
const DefaultQuiet = 50 * time.Millisecond

// After a failed refill the next one waits this long, doubling up to the last.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// ErrClosed is what Get returns once the pool is closed.
var ErrClosed = errors.New("the pool of namespaces is closed: the node is shutting down")

// Ready is a pair whose network is prepared. It belongs to whoever got it:
// the pool does not unwire, release or close it any more.
type Ready struct {
	*Pair
	Wired any
}

// Pool keeps pairs ready. It refills one at a time and only while nothing is
// being started, so that it never slows the start that emptied it.
type Pool struct {
	o        Options
	newPair  func(idBase uint32) (*Pair, error)
	building chan struct{} // bounds how many pairs are made at once
	wake     chan struct{}
	cancel   context.CancelFunc
	refiller sync.WaitGroup

	mu     sync.Mutex
	ready  []*Ready
	busy   int
	last   time.Time // of the last Get or the end of the last Busy
	closed bool
}

// NewPool starts a pool. It fills after the first quiet time.
func NewPool(o Options) *Pool { return newPool(o, New) }

func newPool(o Options, newPair func(uint32) (*Pair, error)) *Pool {
	if o.Quiet == 0 {
		o.Quiet = DefaultQuiet
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pool{
		o: o, newPair: newPair, cancel: cancel, last: time.Now(),
		building: make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		wake:     make(chan struct{}, 1),
	}
	p.refiller.Go(func() { p.refill(ctx) })
	return p
}

// Get hands out a ready pair, or makes one.
func (p *Pool) Get(ctx context.Context) (*Ready, error) {
	p.mu.Lock()
	p.last = time.Now()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if n := len(p.ready); n > 0 {
		r := p.ready[n-1]
		p.ready = p.ready[:n-1]
		p.mu.Unlock()
		p.nudge()
		return r, nil
	}
	p.mu.Unlock()
	p.nudge()
	return p.build(ctx)
}

// Busy tells that something is being started: the pool does not refill until
// done was called.
func (p *Pool) Busy() (done func()) {
	p.mu.Lock()
	p.busy++
	p.mu.Unlock()
	return sync.OnceFunc(func() {
		p.mu.Lock()
		p.busy--
		p.last = time.Now()
		p.mu.Unlock()
		p.nudge()
	})
}

// Len is how many pairs are ready now.
func (p *Pool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ready)
}

// Close stops refilling and takes the ready pairs down. Get fails afterwards;
// pairs that were handed out are not touched.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	p.refiller.Wait()
	p.mu.Lock()
	ready := p.ready
	p.ready = nil
	p.mu.Unlock()
	var err error
	for _, r := range ready {
		err = errors.Join(err, p.Discard(r))
	}
	return err
}

// Discard unwires, closes and releases a pair that was got and not used.
func (p *Pool) Discard(r *Ready) error {
	var err error
	if p.o.Unwire != nil {
		err = p.o.Unwire(r.Pair, r.Wired)
	}
	return errors.Join(err, r.Close(), p.o.Release(r.IDBase))
}

// build makes a pair, or nothing at all.
func (p *Pool) build(ctx context.Context) (*Ready, error) {
	select {
	case p.building <- struct{}{}:
		defer func() { <-p.building }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	base, err := p.o.Claim()
	if err != nil {
		return nil, fmt.Errorf("claim a range of user ids: %w", err)
	}
	pair, err := p.newPair(base)
	if err != nil {
		return nil, errors.Join(err, p.o.Release(base))
	}
	r := &Ready{Pair: pair}
	if p.o.Wire == nil {
		return r, nil
	}
	if r.Wired, err = p.o.Wire(pair); err != nil {
		err = fmt.Errorf("prepare the network of a container: %w", err)
		return nil, errors.Join(err, pair.Close(), p.o.Release(base))
	}
	return r, nil
}
