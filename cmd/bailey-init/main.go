// Command bailey-init is a container's first process when it is asked for
// (--init): it starts the program, passes signals on to it, reaps what becomes
// an orphan, and exits as the program did.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

// inForeground makes this program take the terminal's foreground and then
// become the program that follows.
const inForeground = "--bailey-init-foreground"

func main() {
	// The dashes keep a program's name from being taken for inForeground.
	if len(os.Args) < 3 || os.Args[1] != "--" && os.Args[1] != inForeground {
		die(125, "usage: bailey-init -- PROGRAM [ARGUMENT...]")
	}
	if os.Args[1] == inForeground {
		becomeForeground(os.Args[2:])
	}
	// Before the program runs, so that no signal is lost. All are caught and
	// none ignored: what is ignored here would be ignored by the program too.
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	program := start(os.Args[2:])
	for sig := range signals {
		switch sig {
		case syscall.SIGCHLD:
			reap(program)
		case syscall.SIGURG, syscall.SIGPIPE: // of this process's own runtime
		case syscall.SIGTTIN, syscall.SIGTTOU: // meant for whoever uses the terminal
		default:
			_ = syscall.Kill(program, sig.(syscall.Signal))
		}
	}
}

// reap takes every child that has ended, and exits as the program did when it
// was one of them.
func reap(program int) {
	code := -1
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 {
			break
		}
		if pid == program {
			code = status.ExitStatus()
			if status.Signaled() {
				code = 128 + int(status.Signal())
			}
		}
	}
	if code >= 0 {
		os.Exit(code)
	}
}
