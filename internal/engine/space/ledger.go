package space

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/quota"
)

// The rhythm of measuring. Looking at the file system as a whole costs
// nothing and says how much any tree can have grown at most; a tree is walked
// when that could take it over its cap, and otherwise only now and then.
const (
	// period is the longest a growth stays unseen that something else hides by
	// giving space back.
	period = time.Minute
	// A walk takes at most one part in calm of a processor's time, one in
	// urgent when the tree could be over its cap, and half when the disk is
	// nearly full.
	calm, urgent, alarm = 100, 10, 2
	// growing is how much more a tree must hold to be what fills the disk.
	growing = 64 << 20
	// slack is how many files more than the cap are looked at, so that growth is seen beyond it.
	slack = 1024
)

// Place is a directory that containers write to.
type Place struct {
	Dir string
	Cap quota.Cap // 0 or less of either is no limit
}

// Reserve is what containers leave free of a file system of that size: a
// fiftieth, at most a GiB.
func Reserve(bytes int64) int64 { return min(bytes/50, 1<<30) }

// Low says that a file system of that size is nearly full.
func Low(bytes int64, free quota.Usage) bool { return free.Bytes < Reserve(bytes) }

// Ledger knows what each place held when it was measured last. It is pure:
// what time it is and how much is free, it is told.
type Ledger struct {
	reserve int64
	places  map[string]*entry
}

type entry struct {
	used bool // by a container that runs
	cap  quota.Cap
	use  quota.Usage
	free quota.Usage // of the file system at that time
	at   time.Time   // zero: never measured
	cost time.Duration
	base quota.Usage // more than this is too much, if it is more than the cap
	calm quota.Usage // what it held when the disk was last not full
}

// NewLedger keeps the reserve, in bytes, free.
func NewLedger(reserve int64) *Ledger {
	return &Ledger{reserve: reserve, places: make(map[string]*entry)}
}

// Watch replaces the places that are watched. Of others only those are
// remembered that are over their cap.
func (l *Ledger) Watch(places []Place) {
	for _, e := range l.places {
		e.used = false
	}
	for _, p := range places {
		e := l.places[p.Dir]
		if e == nil {
			e = &entry{}
			l.places[p.Dir] = e
		}
		e.used, e.cap = true, p.Cap
	}
	maps.DeleteFunc(l.places, func(_ string, e *entry) bool { return !e.used && !over(e.use, e.cap) })
}

// Forget drops a place that is removed: another one of its name is another.
func (l *Ledger) Forget(dir string) { delete(l.places, dir) }

// Bound is where a walk through the place may stop: further on nothing is
// decided. How long a walk takes, the number of files says.
func (l *Ledger) Bound(dir string) quota.Cap {
	e := l.places[dir]
	if e == nil {
		return quota.Cap{}
	}
	return quota.Cap{Inodes: max(e.cap.Inodes, e.base.Inodes) + slack}
}

func (l *Ledger) low(free quota.Usage) bool { return free.Bytes < l.reserve }

// Due lists the places that are to be measured now, in order.
func (l *Ledger) Due(now time.Time, free quota.Usage) []string {
	var due []string
	for dir, e := range l.places {
		since := now.Sub(e.at)
		switch {
		case !e.used:
		case e.at.IsZero(),
			l.low(free) && since >= max(time.Second, e.cost*alarm),
			e.mayBeOver(free) && since >= e.cost*urgent,
			since >= max(period, e.cost*calm):
			due = append(due, dir)
		}
	}
	slices.Sort(due)
	return due
}

// mayBeOver says that the file system lost so much since the last look that
// the place would be over its cap if all of it was lost to it.
func (e *entry) mayBeOver(free quota.Usage) bool {
	lost := func(then, now int64) int64 { return max(then-now, 0) }
	return over(quota.Usage{
		Bytes:  e.use.Bytes + lost(e.free.Bytes, free.Bytes),
		Inodes: e.use.Inodes + lost(e.free.Inodes, free.Inodes),
	}, quota.Cap{Bytes: max(e.cap.Bytes, e.base.Bytes), Inodes: max(e.cap.Inodes, e.base.Inodes)})
}

// Measured records what a place held, and says whether that is too much. A
// place that was over its cap when a container got it (Begin) may stay so, but
// must not grow.
func (l *Ledger) Measured(dir string, now time.Time, cost time.Duration, use, free quota.Usage) bool {
	e := l.places[dir]
	if e == nil {
		return false
	}
	if e.at.IsZero() || !l.low(free) {
		e.calm = use
	}
	e.use, e.free, e.at, e.cost = use, free, now, cost
	if over(use, e.cap) && (use.Bytes > e.base.Bytes || use.Inodes > e.base.Inodes) {
		return true
	}
	e.base = quota.Usage{Bytes: min(use.Bytes, e.base.Bytes), Inodes: min(use.Inodes, e.base.Inodes)} // what was given back
	return false
}

// Begin tells that a container starts to use a place: one that is over its cap
// already is allowed to stay so, so that it can be cleared.
func (l *Ledger) Begin(dir string) {
	if e := l.places[dir]; e != nil {
		e.base = e.use
	}
}

// Filler is the place that grew most since the disk was not yet nearly full,
// and by how much; "" when none grew enough to be the reason.
func (l *Ledger) Filler() (dir string, grown int64) {
	for _, d := range slices.SortedFunc(maps.Keys(l.places), strings.Compare) {
		e := l.places[d]
		if !e.used {
			continue
		}
		if g := e.use.Bytes - e.calm.Bytes; g >= growing && g > grown {
			dir, grown = d, g
		}
	}
	return dir, grown
}
