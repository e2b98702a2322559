package nspool

import (
	"context"
	"time"
)

// refill keeps the pool full until ctx ends.
func (p *Pool) refill(ctx context.Context) {
	pause := time.Duration(0)
	for {
		wait, full := p.due()
		if full {
			select {
			case <-p.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		if wait > 0 {
			if !sleep(ctx, wait) {
				return
			}
			continue
		}
		r, err := p.build(ctx)
		if err != nil {
			pause = min(max(firstPause, 2*pause), lastPause)
			if ctx.Err() == nil {
				p.o.Log.Warn("no namespaces were made ahead; the next start makes its own", "error", err, "again_in", pause)
			}
			if !sleep(ctx, pause) {
				return
			}
			continue
		}
		pause = 0
		p.add(r)
	}
}

// due tells how long it must still be quiet before the next pair is made, or
// that there is nothing to do until the pool is nudged.
func (p *Pool) due() (wait time.Duration, full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ready) >= p.o.Size || p.busy > 0 {
		return 0, true
	}
	return p.o.Quiet - time.Since(p.last), false
}

func (p *Pool) add(r *Ready) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = append(p.ready, r) // also when closing: Close waits for this and takes it down
}

// nudge wakes the refiller; one pending nudge is enough.
func (p *Pool) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
