// Package filelock takes locks on files that a process holds while it lives
// (flock(2)).
package filelock

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHeld means that another process has the lock.
var ErrHeld = errors.New("another process holds the lock")

// A process that is killed while it starts another one leaves a child that
// holds everything it held until its own program has been executed, which on
// a busy machine takes a moment.
const (
	patience = time.Second
	again    = 5 * time.Millisecond
)

// Take locks f for this process alone, or returns [ErrHeld] when another one
// has the lock and keeps it. Closing f, or the end of the process, gives it back.
func Take(f *os.File) error {
	for end := time.Now().Add(patience); ; time.Sleep(again) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case err == unix.EINTR:
		case err != unix.EWOULDBLOCK:
			return os.NewSyscallError("flock", err)
		case time.Now().After(end):
			return ErrHeld
		}
	}
}
