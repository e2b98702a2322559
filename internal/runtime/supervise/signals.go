package supervise

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/bailey-run/bailey/internal/runtime/supervise/sigaction"
)

// lastSignal is the highest number that Linux has (signal(7)).
const lastSignal = syscall.Signal(64)

// defaultSignals takes back what the daemon was started with ignored, so that
// no container inherits it: nohup ignores SIGHUP, and what posix_spawn(3) of
// glibc starts, as make does, has signal 32 ignored.
func defaultSignals() error {
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		switch sig {
		case syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM: // see ignoreSignals
			continue
		}
		ignored, err := sigaction.Ignored(sig)
		if err == nil && ignored {
			err = sigaction.Set(sig, sigaction.Default)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ignoreSignals makes it take SIGKILL to end a supervisor: its life is the
// container's. Where the daemon itself was started with a signal ignored
// (nohup), Go's runtime has no handler to take back in a child, and os/signal
// must install one.
func ignoreSignals() error {
	for _, sig := range [...]syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		ignored, err := sigaction.Ignored(sig)
		if err != nil {
			return err
		}
		if ignored {
			signal.Notify(make(chan os.Signal, 1), sig)
		} else if err := sigaction.Set(sig, sigaction.Ignore); err != nil {
			return err
		}
	}
	return nil
}
