package process

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// nobody owns nothing on the host and is no container's user (user ids of containers are ranges that a node claims).
const nobody = 65534

// maxFiles is more descriptors than the limits of package dns and 512 networks can use.
const maxFiles = 8192

// inheritNothing closes what a careless daemon may have left open. It comes before anything that opens something.
func inheritNothing() error {
	if err := unix.CloseRange(FDListener+1, 1<<32-1, 0); err != nil {
		return os.NewSyscallError("close_range", err)
	}
	unix.CloseOnExec(FDListener)
	return nil
}

// confine gives up what the process will not need.
func confine() error {
	limits := map[int]unix.Rlimit{
		unix.RLIMIT_CORE:   {},
		unix.RLIMIT_FSIZE:  {Cur: 2 * logMax, Max: 2 * logMax},
		unix.RLIMIT_NOFILE: {Cur: maxFiles, Max: maxFiles},
	}
	for which, limit := range limits {
		if err := unix.Setrlimit(which, &limit); err != nil {
			return fmt.Errorf("limit %d: %w", which, err)
		}
	}
	// These are about all threads; from root to another user the capabilities go too (capabilities(7)).
	if err := syscall.Setgroups(nil); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	if err := syscall.Setresgid(nobody, nobody, nobody); err != nil {
		return os.NewSyscallError("setresgid", err)
	}
	if err := syscall.Setresuid(nobody, nobody, nobody); err != nil {
		return os.NewSyscallError("setresuid", err)
	}
	// Other processes of nobody can neither trace nor signal their way in: what may be read of this one in /proc is root's.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	return filterCalls()
}

// filterCalls installs the filter on every thread (seccomp(2)).
func filterCalls() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The filter is not to be gained back by executing something; TSYNC passes it on to all threads.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	return install(program(auditArch, allowed()))
}
