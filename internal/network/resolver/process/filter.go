package process

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a classic BPF program finds in struct seccomp_data (linux/seccomp.h): the number of the call, the architecture, and
// six arguments of eight bytes, little endian.
const (
	offsetCall = 0
	offsetArch = 4
	offsetArgs = 16
)

// condition is a bound on one argument of a call: after the mask it must be one of the values.
type condition struct {
	arg    uint32
	mask   uint32
	values []uint32
}

// anyValue allows a call with whatever arguments.
var anyValue []condition

// allowed are the calls that remain: those of Go's runtime, and those of a program that reads files, accepts connections on
// sockets it was given, and connects IP sockets of its own.
func allowed() map[uint32][]condition {
	calls := map[uint32][]condition{
		// Threads only, and no namespaces: CLONE_THREAD must be set.
		unix.SYS_CLONE: {{0, unix.CLONE_THREAD, []uint32{unix.CLONE_THREAD}}},
		unix.SYS_SOCKET: {
			{0, 0xffffffff, []uint32{unix.AF_INET, unix.AF_INET6}},
			{1, 0xf, []uint32{unix.SOCK_DGRAM, unix.SOCK_STREAM}},
		},
		// No memory becomes code.
		unix.SYS_MMAP:     {{2, unix.PROT_EXEC, []uint32{0}}},
		unix.SYS_MPROTECT: {{2, unix.PROT_EXEC, []uint32{0}}},
		// To read, and nothing is made by it.
		unix.SYS_OPENAT: {{2, unix.O_ACCMODE | unix.O_CREAT | unix.O_TRUNC | unix.O_TMPFILE&^unix.O_DIRECTORY, []uint32{unix.O_RDONLY}}},
	}
	for _, n := range []uint32{
		unix.SYS_READ, unix.SYS_WRITE, unix.SYS_CLOSE, unix.SYS_FSTAT, unix.SYS_LSEEK, unix.SYS_FCNTL,
		unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_BRK,
		unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
		unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
		unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PIPE2,
		unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_TGKILL, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_RESTART_SYSCALL,
		unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_GETRANDOM, unix.SYS_GETRLIMIT,
		unix.SYS_CONNECT, unix.SYS_ACCEPT4, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKOPT,
		unix.SYS_SENDTO, unix.SYS_RECVFROM, unix.SYS_SENDMSG, unix.SYS_RECVMSG, unix.SYS_SHUTDOWN,
	} {
		calls[n] = anyValue
	}
	for _, n := range ofArch {
		calls[n] = anyValue
	}
	return calls
}

// program allows calls of one architecture. To all others it says that the kernel does not have them, or that their
// arguments are not permitted: runtimes get along with that, and a program that was taken over finds no way on.
func program(arch uint32, calls map[uint32][]condition) []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	equal := func(k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	refuse := ret(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	unknown := ret(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS))
	out := []unix.SockFilter{load(offsetArch), equal(arch, 1, 0), ret(unix.SECCOMP_RET_KILL_PROCESS), load(offsetCall)}
	for n, conditions := range calls {
		var body []unix.SockFilter
		for _, c := range conditions {
			body = append(body, load(offsetArgs+8*c.arg), unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: c.mask})
			for i, v := range c.values { // a match jumps over the rest and the refusal
				body = append(body, equal(v, uint8(len(c.values)-i), 0))
			}
			body = append(body, refuse)
		}
		body = append(body, ret(unix.SECCOMP_RET_ALLOW))
		out = append(append(out, equal(n, 0, uint8(len(body)))), body...)
	}
	return append(out, unknown)
}

func install(p []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	r, _, errno := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	if r != 0 {
		return fmt.Errorf("seccomp: thread %d has another filter", r)
	}
	return nil
}
