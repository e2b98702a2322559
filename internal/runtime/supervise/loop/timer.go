package loop

import "time"

// Timer runs a function once. The zero Timer is not set.
type Timer struct {
	at  time.Time
	f   func()
	set bool
}

// After sets the timer, again when it is set already.
func (l *Loop) After(t *Timer, d time.Duration, f func()) {
	t.at, t.f = time.Now().Add(d), f
	if !t.set {
		t.set = true
		l.timers = append(l.timers, t)
	}
}

// Set tells whether the timer is to run.
func (t *Timer) Set() bool { return t.set }

// Cancel unsets the timer.
func (l *Loop) Cancel(t *Timer) {
	if !t.set {
		return
	}
	t.set = false
	for i, other := range l.timers {
		if other == t {
			l.timers = append(l.timers[:i], l.timers[i+1:]...)
			return
		}
	}
}

// fire runs what is due and tells whether anything was.
func (l *Loop) fire(now time.Time) (fired bool) {
	for {
		var due *Timer
		for _, t := range l.timers {
			if !t.at.After(now) && (due == nil || t.at.Before(due.at)) {
				due = t
			}
		}
		if due == nil {
			return fired
		}
		l.Cancel(due)
		due.f()
		fired = true
	}
}
