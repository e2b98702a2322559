package loop

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

type handler func(uint32)

func (h *handler) Ready(events uint32) { (*h)(events) }

func on(f func(uint32)) *handler { h := handler(f); return &h }

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	return p[0], p[1]
}

func TestReadyAndStop(t *testing.T) {
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	r, w := pipe(t)
	unix.Write(w, []byte("x"))
	var got uint32
	if err := l.Watch(r, In, on(func(ev uint32) { got = ev; l.Stop() })); err != nil {
		t.Fatal(err)
	}
	if err := l.Run(); err != nil || got != In {
		t.Fatalf("events %x, %v", got, err)
	}
}

// A handler may close another one's descriptor, and a new descriptor may get
// the same number, while events of the old one wait to be dispatched.
func TestLateEventDoesNotReachTheNextOwner(t *testing.T) {
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	a, wa := pipe(t)
	b, wb := pipe(t)
	unix.Write(wa, []byte("x"))
	unix.Write(wb, []byte("x"))
	stranger := on(func(uint32) { t.Error("a late event reached the new owner") })
	swap := func(victim int) func(uint32) {
		return func(uint32) {
			l.Forget(victim)
			nr, _ := pipe(t)
			if err := unix.Dup3(nr, victim, unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			if err := l.Watch(victim, In, stranger); err != nil {
				t.Fatal(err)
			}
			l.Stop()
		}
	}
	l.Watch(a, In, on(swap(b)))
	l.Watch(b, In, on(swap(a)))
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
}

func TestTimersRunInOrderAndCancel(t *testing.T) {
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var order []int
	var a, b, c Timer
	l.After(&b, 2*time.Millisecond, func() { order = append(order, 2); l.Stop() })
	l.After(&a, time.Millisecond, func() { order = append(order, 1); l.Cancel(&c) })
	l.After(&c, time.Millisecond+time.Microsecond, func() { order = append(order, 3) })
	time.Sleep(3 * time.Millisecond)
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	if len(order) != 2 || order[0] != 1 || order[1] != 2 {
		t.Fatalf("order %v", order)
	}
	l.ended = false
	l.After(&a, time.Hour, func() { t.Error("ran the function that was replaced") })
	l.After(&a, 0, l.Stop)
	if err := l.Run(); err != nil || len(l.timers) != 0 {
		t.Fatalf("%v, %d timers left", err, len(l.timers))
	}
}
