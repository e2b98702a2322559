package probes

import (
	"os"
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

func devices() []probe.Probe {
	return of("devices",
		probe.Probe{ID: "make-memory", Tries: "make the device of the machine's memory", Source: "mknod(2)", As: probe.Root,
			Twin: probe.Twin{Host: true}, Attempt: func() error {
				const node = "/tmp/probe-mem"
				defer os.Remove(node)
				return syscall.Mknod(node, syscall.S_IFCHR|0o600, 1<<8|1)
			}},
	)
}
