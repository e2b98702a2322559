// Package sigaction tells the kernel directly what to do with a signal.
//
// A supervisor ignores signals that its children must not inherit as ignored.
// Go's runtime, which still believes in its own handlers, sets those to the
// default in a child; and no goroutine is needed, as os/signal would.
package sigaction

import (
	"os"
	"syscall"
	"unsafe"
)

// What can be done with a signal.
const (
	Default uintptr = 0
	Ignore  uintptr = 1
)

// action is the kernel's struct sigaction.
type action struct{ handler, flags, restorer, mask uintptr }

// setBytes is the size of the kernel's sigset_t.
const setBytes = 8

// Set changes what becomes of a signal, to Default or Ignore.
func Set(sig syscall.Signal, to uintptr) error {
	return call(sig, &action{handler: to}, nil)
}

// Ignored tells whether a signal is ignored.
func Ignored(sig syscall.Signal) (bool, error) {
	var was action
	err := call(sig, nil, &was)
	return was.handler == Ignore, err
}

func call(sig syscall.Signal, set, was *action) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(was)), setBytes, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("rt_sigaction", errno)
	}
	return nil
}
