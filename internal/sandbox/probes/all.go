package probes

import (
	"slices"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// All returns the probes of the sandbox's controls, in the order of the posture.
func All() []probe.Probe {
	return slices.Concat(
		userNamespace(), capabilities(), privileges(), seccomp(), lsm(), rootFilesystem(), temporarySpace(), mountOptions(), memoryFiles(),
		procAndSys(), cgroupFilesystem(), pidNamespace(), cgroupNamespace(), otherNamespaces(), devices(), limits(),
	)
}

// of gives probes their control and the beginning of their id.
func of(control string, probes ...probe.Probe) []probe.Probe {
	for i := range probes {
		probes[i].Control = control
		probes[i].ID = control + "/" + probes[i].ID
	}
	return probes
}
