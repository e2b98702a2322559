package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// What a handler can wait for and be told.
const (
	In     = unix.EPOLLIN
	Out    = unix.EPOLLOUT
	HangUp = unix.EPOLLHUP | unix.EPOLLERR | unix.EPOLLRDHUP
)

// Handler is told that something happened to its descriptor. events is a set
// of In, Out and EPOLLHUP, EPOLLERR, EPOLLRDHUP.
type Handler interface{ Ready(events uint32) }

// Loop is an epoll instance. It is used from one goroutine only.
type Loop struct {
	ep     int
	slots  []slot
	timers []*Timer
	idle   func()
	ended  bool
}

// slot belongs to a descriptor number. gen tells events of the descriptor from
// late ones of another that had the number before.
type slot struct {
	h      Handler
	events uint32
	gen    int32
}

// idleAfter is how long nothing must have happened before Idle's function runs.
const idleAfter = 2 * time.Second

// New makes a loop.
func New() (*Loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &Loop{ep: ep}, nil
}

// Idle sets a function that runs once each time the loop has had nothing to do
// for a while.
func (l *Loop) Idle(f func()) { l.idle = f }

// Watch waits for events (In, Out, EPOLLRDHUP) of fd. Watching a descriptor
// again changes what is waited for; 0 still reports EPOLLHUP and EPOLLERR.
func (l *Loop) Watch(fd int, events uint32, h Handler) error {
	for fd >= len(l.slots) {
		l.slots = append(l.slots, slot{})
	}
	s := &l.slots[fd]
	op := unix.EPOLL_CTL_MOD
	if s.h == nil {
		op = unix.EPOLL_CTL_ADD
		s.gen++
	} else if s.events == events && s.h == h {
		return nil
	}
	ev := unix.EpollEvent{Events: events, Fd: int32(fd), Pad: s.gen}
	if err := unix.EpollCtl(l.ep, op, fd, &ev); err != nil {
		return err
	}
	s.h, s.events = h, events
	return nil
}

// Forget stops waiting for fd. It must be called before fd is closed.
func (l *Loop) Forget(fd int) {
	if fd < 0 || fd >= len(l.slots) || l.slots[fd].h == nil {
		return
	}
	l.slots[fd].h = nil
	_ = unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, fd, nil)
}

// Close stops waiting for *fd, closes it and sets it to -1.
func (l *Loop) Close(fd *int) {
	if *fd < 0 {
		return
	}
	l.Forget(*fd)
	unix.Close(*fd)
	*fd = -1
}

// Stop makes Run return after the present round.
func (l *Loop) Stop() { l.ended = true }

// Run dispatches until Stop.
func (l *Loop) Run() error {
	var events [32]unix.EpollEvent
	busy := true
	for !l.ended {
		wait, idle := l.timeout(busy)
		n, err := unix.EpollWait(l.ep, events[:], wait)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		for i := range n {
			l.dispatch(&events[i])
		}
		fired := l.fire(time.Now())
		if busy = n > 0 || fired; !busy && idle && l.idle != nil {
			l.idle()
		}
	}
	return nil
}

func (l *Loop) dispatch(ev *unix.EpollEvent) {
	s := &l.slots[ev.Fd]
	if s.h != nil && s.gen == ev.Pad {
		s.h.Ready(ev.Events)
	}
}

// timeout is the longest that epoll may sleep, in milliseconds, and whether
// the loop counts as idle when it sleeps through.
func (l *Loop) timeout(busy bool) (ms int, idle bool) {
	wait := time.Duration(-1)
	if busy && l.idle != nil {
		wait, idle = idleAfter, true
	}
	now := time.Now()
	for _, t := range l.timers {
		if d := max(t.at.Sub(now), 0); wait < 0 || d < wait {
			wait, idle = d, false
		}
	}
	if wait < 0 {
		return -1, false
	}
	return int((wait + time.Millisecond - 1) / time.Millisecond), idle
}
