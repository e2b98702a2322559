package probes

import (
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// seccomp tries the calls that need no capability at all: the filter is all
// that keeps them from the kernel.
func seccomp() []probe.Probe {
	const (
		cloneNewUser = 0x10000000
		afAlg        = 38
		afVsock      = 40
	)
	bad := []syscall.Errno{syscall.EFAULT, syscall.EINVAL}
	return of("seccomp",
		probe.Probe{ID: "io-uring", Tries: "set up an io_uring, whose operations pass by the filter", Source: "io_uring_setup(2)",
			Attempt: probe.Reaches(bad, "io_uring_setup", 1, probe.Bad)},
		probe.Probe{ID: "userfaultfd", Tries: "hold the kernel in the middle of a copy", Source: "userfaultfd(2)",
			Attempt: probe.Reaches(bad, "userfaultfd", 1)}, // UFFD_USER_MODE_ONLY needs no capability
		probe.Probe{ID: "vsock", Tries: "reach the hypervisor through AF_VSOCK", Source: "vsock(7)",
			Attempt: probe.Socket(afVsock, syscall.SOCK_STREAM, 0)},
		probe.Probe{ID: "alg", Tries: "reach the kernel's cryptography through AF_ALG", Source: "CVE-2019-8912",
			Attempt: probe.Socket(afAlg, syscall.SOCK_SEQPACKET, 0)},
		probe.Probe{ID: "netlink-audit", Tries: "open the kernel's audit netlink", Source: "netlink(7)",
			Attempt: probe.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, 9)},
		probe.Probe{ID: "new-user-namespace", Tries: "make a user namespace and be root in it", Source: "CVE-2022-0185",
			Attempt: probe.Reaches([]syscall.Errno{syscall.EINVAL}, "unshare", cloneNewUser)}, // a threaded process gets EINVAL after the check
		probe.Probe{ID: "keyctl", Tries: "ask for a keyring, which no namespace holds", Source: "keyctl(2)",
			Attempt: probe.Reaches([]syscall.Errno{syscall.EINVAL, syscall.ENOKEY}, "keyctl", 0, ^uintptr(2), 0)},
		probe.Probe{ID: "modify-ldt", Tries: "write a segment descriptor", Source: "CVE-2015-5157",
			Attempt: probe.Reaches(bad, "modify_ldt", 1, probe.Bad, 16)},
		probe.Probe{ID: "vmsplice", Tries: "put pages into a pipe without a copy", Source: "CVE-2022-0847",
			Attempt: probe.Reaches([]syscall.Errno{syscall.EBADF, syscall.EFAULT}, "vmsplice", ^uintptr(0), probe.Bad, 1, 0)},
		probe.Probe{ID: "personality", Tries: "switch off randomised addresses", Source: "personality(2)",
			Attempt: func() error { return probe.Sys("personality", 0x0040000) }},
	)
}
