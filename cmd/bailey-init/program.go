package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// start runs the program in a process group of its own: a Ctrl-C at the
// terminal then reaches it once, from the kernel, and not a second time from
// here.
func start(args []string) int {
	path := lookUp(args[0])
	attr := &syscall.SysProcAttr{Setpgid: true}
	if _, err := unix.IoctlGetInt(0, unix.TIOCGPGRP); err == nil {
		// The terminal's foreground must be taken from inside the new group, and
		// before the program reads.
		args = append([]string{os.Args[0], inForeground}, args...)
		path = "/proc/self/exe"
	}
	pid, err := syscall.ForkExec(path, args, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: attr,
	})
	if err != nil {
		die(126, "bailey-init: execute "+path+": "+err.Error())
	}
	return pid
}

// becomeForeground moves this process's group to the terminal's foreground and
// executes the program. A process in the background that does so is stopped by
// SIGTTOU unless it ignores it, which the program must not inherit.
func becomeForeground(args []string) {
	path := lookUp(args[0])
	setSignal(syscall.SIGTTOU, sigIgn)
	_ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, syscall.Getpgrp())
	setSignal(syscall.SIGTTOU, sigDfl)
	err := syscall.Exec(path, args, os.Environ())
	die(126, "bailey-init: execute "+path+": "+err.Error())
}

// What the kernel calls the default and the ignoring of a signal, and the size
// of its sigset_t.
const (
	sigDfl      = 0
	sigIgn      = 1
	sigsetBytes = 8
)

// setSignal tells the kernel directly: what os/signal has ignored once stays
// ignored in a program that is executed.
func setSignal(sig syscall.Signal, handler uintptr) {
	action := [4]uintptr{handler} // struct sigaction: handler, flags, restorer, mask
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, sigsetBytes, 0, 0)
}

func lookUp(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		code := 126
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			code = 127
		}
		die(code, "bailey-init: "+err.Error())
	}
	return path
}

func die(code int, why string) {
	_, _ = os.Stderr.WriteString(why + "\n")
	os.Exit(code)
}
