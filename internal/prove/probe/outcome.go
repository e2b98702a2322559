package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"
)

// Outcome is what became of one attempt.
type Outcome string

// The outcomes.
const (
	Worked  Outcome = "worked"  // nothing stopped it
	Stopped Outcome = "stopped" // Evidence says by what
	Untold  Outcome = "untold"  // it could not be tried, or nobody heard of it again
)

// Observation is an attempt as it went.
type Observation struct {
	ID      string  `json:"id"`
	Outcome Outcome `json:"outcome"`
	// Evidence is the error number, signal or sight that tells.
	Evidence string `json:"evidence,omitempty"`
}

// Observe turns what an attempt returned into an observation.
func Observe(id string, err error) Observation {
	switch {
	case err == nil:
		return Observation{ID: id, Outcome: Worked}
	case errors.Is(err, errUntried):
		return Observation{ID: id, Outcome: Untold, Evidence: evidence(err)}
	}
	return Observation{ID: id, Outcome: Stopped, Evidence: evidence(err)}
}

// evidence says what stopped an attempt, beginning with the error number.
func evidence(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := err.Error()
	for _, wrapped := range []any{new(*os.SyscallError), new(*fs.PathError), new(*net.OpError)} {
		if errors.As(err, wrapped) {
			return Name(errno) + " (" + text + ")"
		}
	}
	if text == errno.Error() {
		return Name(errno)
	}
	return fmt.Sprintf("%s (%s)", Name(errno), text)
}

// Name is the name of an error number, as errno(3) has it.
func Name(errno syscall.Errno) string {
	if name, ok := names[errno]; ok {
		return name
	}
	return "errno " + strconv.Itoa(int(errno))
}

// names are the error numbers that attempts meet.
var names = map[syscall.Errno]string{
	syscall.EPERM: "EPERM", syscall.ENOENT: "ENOENT", syscall.ESRCH: "ESRCH", syscall.EINTR: "EINTR", syscall.EIO: "EIO",
	syscall.ENXIO: "ENXIO", syscall.E2BIG: "E2BIG", syscall.ENOEXEC: "ENOEXEC", syscall.EBADF: "EBADF", syscall.ECHILD: "ECHILD",
	syscall.EAGAIN: "EAGAIN", syscall.ENOMEM: "ENOMEM", syscall.EACCES: "EACCES", syscall.EFAULT: "EFAULT", syscall.EBUSY: "EBUSY",
	syscall.EEXIST: "EEXIST", syscall.EXDEV: "EXDEV", syscall.ENODEV: "ENODEV", syscall.ENOTDIR: "ENOTDIR", syscall.EISDIR: "EISDIR",
	syscall.EINVAL: "EINVAL", syscall.ENFILE: "ENFILE", syscall.EMFILE: "EMFILE", syscall.ENOTTY: "ENOTTY", syscall.EFBIG: "EFBIG",
	syscall.ENOSPC: "ENOSPC", syscall.EROFS: "EROFS", syscall.EMLINK: "EMLINK", syscall.EPIPE: "EPIPE", syscall.ELOOP: "ELOOP",
	syscall.ENAMETOOLONG: "ENAMETOOLONG", syscall.ENOSYS: "ENOSYS", syscall.ENOTEMPTY: "ENOTEMPTY", syscall.ENODATA: "ENODATA",
	syscall.EPROTONOSUPPORT: "EPROTONOSUPPORT", syscall.ESOCKTNOSUPPORT: "ESOCKTNOSUPPORT", syscall.EOPNOTSUPP: "EOPNOTSUPP",
	syscall.EPFNOSUPPORT: "EPFNOSUPPORT", syscall.EAFNOSUPPORT: "EAFNOSUPPORT", syscall.EADDRINUSE: "EADDRINUSE",
	syscall.EADDRNOTAVAIL: "EADDRNOTAVAIL", syscall.ENETDOWN: "ENETDOWN", syscall.ENETUNREACH: "ENETUNREACH",
	syscall.ECONNRESET: "ECONNRESET", syscall.ETIMEDOUT: "ETIMEDOUT", syscall.ECONNREFUSED: "ECONNREFUSED",
	syscall.EHOSTUNREACH: "EHOSTUNREACH", syscall.EDQUOT: "EDQUOT", syscall.EKEYREVOKED: "EKEYREVOKED", syscall.ENOKEY: "ENOKEY",
	syscall.EUSERS: "EUSERS", syscall.EOVERFLOW: "EOVERFLOW",
}
