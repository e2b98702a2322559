package probes

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// denied are the capabilities that no container has, by their number.
// Source: linux/capability.h.
var denied = map[string]uint{
	"dac-read-search": 2, "setpcap": 8, "linux-immutable": 9, "net-broadcast": 11, "net-admin": 12, "net-raw": 13, "ipc-lock": 14,
	"ipc-owner": 15, "sys-module": 16, "sys-rawio": 17, "sys-chroot": 18, "sys-ptrace": 19, "sys-pacct": 20, "sys-admin": 21,
	"sys-boot": 22, "sys-nice": 23, "sys-resource": 24, "sys-time": 25, "sys-tty-config": 26, "mknod": 27, "lease": 28,
	"audit-write": 29, "audit-control": 30, "setfcap": 31, "mac-override": 32, "mac-admin": 33, "syslog": 34, "wake-alarm": 35,
	"block-suspend": 36, "audit-read": 37, "perfmon": 38, "bpf": 39, "checkpoint-restore": 40,
}

func capabilities() []probe.Probe {
	const control = "capabilities"
	list := []probe.Probe{
		{ID: "chroot", Tries: "change the root directory", Source: "chroot(2)", Twin: probe.Twin{Without: []string{"seccomp"}},
			As: probe.Root, Attempt: func() error { return syscall.Chroot("/") }},
		{ID: "raw-socket", Tries: "open a raw socket to forge packets", Source: "raw(7)", Twin: probe.Twin{Without: []string{"seccomp"}},
			As: probe.Root, Attempt: probe.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_ICMP)},
	}
	for name, number := range denied {
		list = append(list, probe.Probe{
			ID: "hold-" + name, Tries: "hold CAP_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + " or be able to gain it",
			Source: "capabilities(7)", As: probe.Root, Attempt: func() error { return holds(number) },
		})
	}
	return of(control, sorted(list)...)
}

// holds looks for a capability in every set from which it could be used or gained.
func holds(number uint) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return probe.Untried("%w", err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb":
			set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err != nil {
				return probe.Untried("%s: %w", name, err)
			}
			if set&(1<<number) != 0 {
				return nil
			}
		}
	}
	return errors.New("in no set, not even the bounding set")
}
