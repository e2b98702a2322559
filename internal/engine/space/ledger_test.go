package space

import (
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/quota"
)

const gib = 1 << 30

// clock makes times of a test.
func clock(seconds int) time.Time { return time.Unix(1e9+int64(seconds), 0) }

func room(bytes int64) quota.Usage { return quota.Usage{Bytes: bytes, Inodes: 1 << 20} }

func one(l *Ledger) { l.Watch([]Place{{Dir: "v", Cap: quota.Cap{Bytes: 10 * gib, Inodes: 1000}}}) }

func due(l *Ledger, seconds int, free quota.Usage) bool { return len(l.Due(clock(seconds), free)) == 1 }

func TestMeasuredOnlyWhenItCouldBeOver(t *testing.T) {
	l := NewLedger(gib)
	one(l)
	if !due(l, 0, room(100*gib)) {
		t.Fatal("a place that was never measured is not due")
	}
	l.Measured("v", clock(0), time.Second, quota.Usage{Bytes: 2 * gib, Inodes: 10}, room(100*gib))
	for _, c := range []struct {
		name    string
		seconds int
		free    quota.Usage
		want    bool
	}{
		{"nothing changed", 50, room(100 * gib), false},
		{"less was lost than it may still take", 50, room(93 * gib), false},
		{"more was lost", 50, room(91 * gib), true},
		{"more was lost, but it was measured a moment ago", 5, room(91 * gib), false},
		{"as many files were lost", 50, quota.Usage{Bytes: 100 * gib, Inodes: 1<<20 - 991}, true},
		{"it is long ago", 100, room(100 * gib), true},
		{"the disk is nearly full", 3, room(gib / 2), true},
	} {
		if got := due(l, c.seconds, c.free); got != c.want {
			t.Errorf("%s: due %v", c.name, got)
		}
	}
	one(l)
	if due(l, 1, room(100*gib)) {
		t.Error("what is known of a place is lost when it is watched again")
	}
	l.Watch(nil)
	if due(l, 1000, room(0)) {
		t.Error("a place that nobody uses is measured")
	}
}

func TestOverItsCap(t *testing.T) {
	l := NewLedger(gib)
	one(l)
	at := func(bytes int64) bool {
		return l.Measured("v", clock(0), 0, quota.Usage{Bytes: bytes, Inodes: 1}, room(100*gib))
	}
	if at(10*gib) || !at(10*gib+1) {
		t.Error("the cap is not the cap")
	}
	if !l.Measured("v", clock(0), 0, quota.Usage{Bytes: 1, Inodes: 1001}, room(100*gib)) {
		t.Error("too many files are not too much")
	}
	at(12 * gib)
	l.Watch(nil) // it was ended
	one(l)
	l.Begin("v")
	if at(12*gib) || at(11*gib) {
		t.Error("a full volume cannot be cleared")
	}
	if !at(12 * gib) {
		t.Error("a full volume grew again and nobody minds")
	}
	l.Forget("v")
	one(l)
	l.Begin("v")
	if !at(11 * gib) {
		t.Error("another volume of that name inherits")
	}
}

func TestWhoFillsTheDisk(t *testing.T) {
	l := NewLedger(gib)
	l.Watch([]Place{{Dir: "a", Cap: quota.Cap{Bytes: 10 * gib}}, {Dir: "b", Cap: quota.Cap{Bytes: 10 * gib}}})
	for _, dir := range []string{"a", "b"} {
		l.Measured(dir, clock(0), 0, quota.Usage{Bytes: gib}, room(3*gib))
	}
	l.Measured("a", clock(1), 0, quota.Usage{Bytes: gib + 1000}, room(gib/2))
	if dir, _ := l.Filler(); dir != "" {
		t.Errorf("%s is blamed for what others did", dir)
	}
	l.Measured("b", clock(2), 0, quota.Usage{Bytes: 2 * gib}, room(gib/2))
	l.Measured("b", clock(3), 0, quota.Usage{Bytes: 3 * gib}, room(gib/4))
	if dir, grown := l.Filler(); dir != "b" || grown != 2*gib {
		t.Errorf("got %q, %d", dir, grown)
	}
	var w Writers
	w.Calm(clock(0), room(3*gib), func() map[string]int64 { return map[string]int64{"x": 5 * gib, "y": 0} })
	w.Calm(clock(1), room(2*gib), func() map[string]int64 { t.Error("asked again at once"); return nil })
	if id, _ := w.Filler(room(gib/2), map[string]int64{"x": 5 * gib, "y": gib}); id != "" {
		t.Errorf("%s wrote the lesser part and is blamed", id)
	}
	if id, n := w.Filler(room(gib/2), map[string]int64{"x": 5 * gib, "y": 2 * gib}); id != "y" || n != 2*gib {
		t.Errorf("got %q, %d", id, n)
	}
}
