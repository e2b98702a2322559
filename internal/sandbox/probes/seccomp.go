package probes

import (
	"slices"
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// afterwards are the errors that a call gives for a bad argument, which it
// looks at only when it was let in.
var afterwards = []syscall.Errno{syscall.EFAULT, syscall.EBADF, syscall.EINVAL, syscall.ESRCH, syscall.ENOENT, syscall.ENODEV, syscall.E2BIG}

// reach says who else stands before a system call.
type reach int

const (
	filtered reach = iota // the filter alone
	capable               // a capability over a namespace of the container, too
	hostOnly              // a capability over the host, too
)

// call is one denied system call with arguments that do nothing.
type call struct {
	name   string
	tries  string
	source string
	reach  reach
	args   []uintptr
}

const minus = ^uintptr(0) // -1

// seccomp attacks the filter: calls that it must not let in, sockets that it
// must not open, and the ways around it.
func seccomp() []probe.Probe {
	var list []probe.Probe
	for _, c := range slices.Concat(deniedCalls, mountCalls, hostCalls) {
		p := probe.Probe{ID: "call-" + idOf(c.name), Tries: c.tries, Source: c.source, Attempt: probe.Reaches(afterwards, c.name, c.args...)}
		switch c.reach {
		case capable:
			p.As, p.Twin.Without = probe.Root, []string{"capabilities"}
		case hostOnly:
			p.As, p.Twin.Host = probe.Root, true
		}
		list = append(list, p)
	}
	return of("seccomp", slices.Concat(list, sockets(), abis())...)
}
