package nspool

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world counts what a pool claims, makes and wires.
type world struct {
	mu                           sync.Mutex
	next                         uint32
	claimed, wired               map[uint32]bool
	made                         int
	failNew, failWire, failClaim bool
}

func newWorld() *world { return &world{claimed: map[uint32]bool{}, wired: map[uint32]bool{}} }

var errWorld = errors.New("the world is against it")

func (w *world) options(size int) Options {
	return Options{
		Size: size, Quiet: 10 * time.Millisecond,
		Claim: func() (uint32, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.failClaim {
				return 0, errWorld
			}
			w.next++
			w.claimed[w.next] = true
			return w.next, nil
		},
		Release: func(base uint32) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if !w.claimed[base] {
				return errors.New("released twice")
			}
			delete(w.claimed, base)
			return nil
		},
		Wire: func(p *Pair) (any, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.failWire {
				return nil, errWorld
			}
			w.wired[p.IDBase] = true
			return p.IDBase, nil
		},
		Unwire: func(p *Pair, wired any) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if !w.wired[p.IDBase] || wired != p.IDBase {
				return errors.New("unwired what was not")
			}
			delete(w.wired, p.IDBase)
			return nil
		},
	}
}

func (w *world) makePair(base uint32) (*Pair, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failNew {
		return nil, errWorld
	}
	w.made++
	return &Pair{IDBase: base}, nil
}

func (w *world) state() (claimed, wired, made int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.claimed), len(w.wired), w.made
}

func TestPoolFillsWhenQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := newPool(w.options(3), w.makePair)
		time.Sleep(9 * time.Millisecond)
		synctest.Wait()
		if n := p.Len(); n != 0 {
			t.Errorf("%d pairs before it was quiet", n)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := p.Len(); n != 3 {
			t.Errorf("%d pairs, want 3", n)
		}
		r, err := p.Get(t.Context())
		if err != nil || r.Wired != r.IDBase {
			t.Fatal(r, err)
		}
		synctest.Wait()
		if n := p.Len(); n != 2 {
			t.Errorf("%d pairs right after a get", n)
		}
		time.Sleep(11 * time.Millisecond)
		synctest.Wait()
		if n := p.Len(); n != 3 {
			t.Errorf("%d pairs once it is quiet again", n)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if claimed, wired, made := w.state(); claimed != 1 || wired != 1 || made != 4 {
			t.Errorf("after close: %d claimed, %d wired, %d made", claimed, wired, made)
		}
		if _, err := p.Get(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("get after close: %v", err)
		}
	})
}

func TestPoolWaitsForStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := newPool(w.options(2), w.makePair)
		defer p.Close()
		done := p.Busy()
		other := p.Busy()
		time.Sleep(time.Second)
		done()
		done() // counts once
		time.Sleep(time.Second)
		synctest.Wait()
		if n := p.Len(); n != 0 {
			t.Errorf("%d pairs were made during a start", n)
		}
		other()
		time.Sleep(11 * time.Millisecond)
		synctest.Wait()
		if n := p.Len(); n != 2 {
			t.Errorf("%d pairs after the starts", n)
		}
	})
}

func TestPoolMakesWhenEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := newPool(w.options(0), w.makePair)
		seen := make(map[uint32]bool)
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				r, err := p.Get(t.Context())
				mu.Lock()
				defer mu.Unlock()
				if err != nil || seen[r.IDBase] {
					t.Error(r, err)
				}
				seen[r.IDBase] = true
			})
		}
		all.Wait()
		if err := p.Close(); err != nil || len(seen) != 50 {
			t.Error(len(seen), err)
		}
	})
}

func TestPoolUndoesWhatFails(t *testing.T) {
	for name, fail := range map[string]func(w *world, on bool){
		"claim": func(w *world, on bool) { w.failClaim = on },
		"new":   func(w *world, on bool) { w.failNew = on },
		"wire":  func(w *world, on bool) { w.failWire = on },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				fail(w, true)
				p := newPool(w.options(1), w.makePair)
				if _, err := p.Get(t.Context()); !errors.Is(err, errWorld) {
					t.Errorf("get: %v", err)
				}
				time.Sleep(10 * time.Second) // several refills fail
				synctest.Wait()
				if claimed, wired, _ := w.state(); claimed != 0 || wired != 0 {
					t.Errorf("left: %d claimed, %d wired", claimed, wired)
				}
				w.mu.Lock()
				fail(w, false)
				w.mu.Unlock()
				time.Sleep(lastPause)
				synctest.Wait()
				if p.Len() != 1 {
					t.Error("it did not recover")
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestPoolGetEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		hold := make(chan struct{})
		p := newPool(w.options(0), func(base uint32) (*Pair, error) { <-hold; return w.makePair(base) })
		for range cap(p.building) {
			go func() { _, _ = p.Get(t.Context()) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("get: %v", err)
		}
		close(hold)
		synctest.Wait()
		p.Close()
	})
}

func TestPoolDiscard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := newPool(w.options(0), w.makePair)
		defer p.Close()
		r, err := p.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Discard(r); err != nil {
			t.Error(err)
		}
		if claimed, wired, _ := w.state(); claimed+wired != 0 {
			t.Error("something was left")
		}
	})
}

func TestPoolForReal(t *testing.T) {
	needRoot(t)
	o := newWorld().options(2)
	next, mu := uint32(testBase), sync.Mutex{}
	o.Claim = func() (uint32, error) {
		mu.Lock()
		defer mu.Unlock()
		next += IDs
		return next, nil
	}
	o.Release = func(uint32) error { return nil }
	p := NewPool(o)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			r, err := p.Get(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if err := p.Discard(r); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
