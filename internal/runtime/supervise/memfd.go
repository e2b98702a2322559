package supervise

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MemfdArg as its only argument makes this program the OCI hook
// (createRuntime) that keeps files in memory from being executed in the
// container's process namespace. It is not a runtime's sysctl because the
// kernel asks for root of the host, while a runtime sets sysctls as root of
// the container, which is not it.
const MemfdArg = "memfd-noexec"

// memfdKnob belongs to the process namespace of whoever writes to it. 2
// refuses executable ones, and makes those that do not say so not executable.
// Source: Documentation/userspace-api/mfd_noexec.rst of Linux 6.6.
const (
	memfdKnob = "/proc/sys/vm/memfd_noexec"
	memfdNone = "2"
)

// maxState bounds the state that a runtime gives its hooks, in bytes.
const maxState = 1 << 20

// denyMemfd is the hook. Its thread is locked, and is not used for anything else.
func denyMemfd(state io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(state, maxState))
	if err != nil {
		return err
	}
	pid, err := pidOf(text)
	if err != nil {
		return err
	}
	ns, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/ns/pid", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open the process namespace", err)
	}
	if err := unix.Setns(ns, unix.CLONE_NEWPID); err != nil { // of children; this process stays where it is
		return os.NewSyscallError("enter the process namespace", err)
	}
	knob, err := unix.Open(memfdKnob, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open "+memfdKnob, err)
	}
	return writeInChild(knob, []byte(memfdNone))
}

// pidOf finds the process in the state of a container. What stands before it
// there (version, id, status) is Bailey's and the runtime's; the annotations,
// which are not, come last.
// Source: https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#state.
func pidOf(state []byte) (int, error) {
	_, rest, _ := bytes.Cut(state, []byte(`"pid":`))
	rest = bytes.TrimLeft(rest, " ")
	pid, err := strconv.Atoi(string(rest[:len(rest)-len(bytes.TrimLeft(rest, "0123456789"))]))
	if err != nil || pid <= 1 {
		return 0, errors.New("the runtime named no process to its hook")
	}
	return pid, nil
}

// writeInChild writes to a descriptor in a new process. It is a copy of this
// thread alone and executes nothing, which saves half of the hook's time: it
// must not do anything but make system calls, for whatever else it may find
// locked by a thread that it does not have.
func writeInChild(fd int, text []byte) error {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid == 0 && errno == 0 {
		_, _, errno = syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)))
		for {
			_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(errno), 0, 0)
		}
	}
	if errno != 0 {
		return os.NewSyscallError("clone", errno)
	}
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(int(pid), &status, 0, nil)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return os.NewSyscallError("wait4", err)
		}
	}
	if !status.Exited() {
		return errors.New("write " + memfdKnob + ": killed by " + status.Signal().String())
	}
	if status.ExitStatus() != 0 {
		return os.NewSyscallError("write "+memfdKnob, syscall.Errno(status.ExitStatus()))
	}
	return nil
}
