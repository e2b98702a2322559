package supervise

import (
	"os"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is the kernel's struct sigaction.
type sigaction struct{ handler, flags, restorer, mask uintptr }

const (
	sigIgn      = 1
	sigsetBytes = 8
)

// ignoreSignals makes it take SIGKILL to end a supervisor: its life is the
// container's.
//
// The kernel is told directly. Go's runtime then still believes in its own
// handlers, and sets them to the default in every child, so that no container
// inherits an ignored signal; and os/signal would cost a thread. Only where
// the daemon itself was started with a signal ignored (nohup) the runtime has
// no handler, and os/signal must install one.
func ignoreSignals() error {
	for _, sig := range [...]syscall.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM} {
		var was sigaction
		if err := rtSigaction(sig, nil, &was); err != nil {
			return err
		}
		if was.handler == sigIgn {
			signal.Notify(make(chan os.Signal, 1), sig)
			continue
		}
		if err := rtSigaction(sig, &sigaction{handler: sigIgn}, nil); err != nil {
			return err
		}
	}
	return nil
}

func rtSigaction(sig syscall.Signal, set, was *sigaction) error {
	_, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(was)), sigsetBytes, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("rt_sigaction", errno)
	}
	return nil
}
