package sandbox

import (
	"slices"
	"strings"
)

// The controls, by the names that never change.
const (
	ControlUserNS          = "user-namespace"
	ControlCapabilities    = "capabilities"
	ControlNoNewPrivileges = "no-new-privileges"
	ControlSeccomp         = "seccomp"
	ControlLSM             = "lsm"
	ControlRoot            = "root-filesystem"
	ControlTemporary       = "temporary-space"
	ControlMountOptions    = "mount-options"
	ControlMemoryFiles     = "memory-files"
	ControlHostMounts      = "host-mounts"
	ControlFiles           = "delivered-files"
	ControlProcSys         = "proc-and-sys"
	ControlCgroupFS        = "cgroup-filesystem"
	ControlPIDNS           = "pid-namespace"
	ControlNetwork         = "network"
	ControlIPCNS           = "ipc-namespace"
	ControlUTSNS           = "uts-namespace"
	ControlMountNS         = "mount-namespace"
	ControlCgroupNS        = "cgroup-namespace"
	ControlTimeNS          = "time-namespace"
	ControlDevices         = "devices"
	ControlSysctls         = "sysctls"
	ControlMemory          = "memory"
	ControlSwap            = "swap"
	ControlOOM             = "out-of-memory"
	ControlPids            = "pids"
	ControlNofile          = "open-files"
	ControlCore            = "core-dumps"
	ControlUlimits         = "ulimits"
	ControlCPU             = "cpu"
	ControlLog             = "log"
	ControlDisk            = "disk-space"
	ControlPorts           = "published-ports"
	ControlSecrets         = "secrets"
	ControlExec            = "exec"
	ControlCgroupParent    = "cgroup-parent"
	ControlRuntime         = "runtime"
)

// The controls of the node that no container can differ in, so that no posture
// shows them. They are attacked like the others.
const (
	ControlImages      = "image-unpacking"
	ControlAPIDecoding = "api-decoding"
	ControlAPIAccess   = "api-access"
)

// Control is one row of a posture: what is the default, what is in force, and
// who allowed a difference.
type Control struct {
	// Control is the row's name; it never changes, probes refer to it.
	Control string
	Default string
	Actual  string
	// AllowedBy and Reason are set when the control is relaxed.
	AllowedBy string `json:",omitempty"`
	Reason    string `json:",omitempty"`
	// Relaxed says that Actual is weaker than Default, Absent that the host lacks what the control needs.
	Relaxed bool `json:",omitempty"`
	Absent  bool `json:",omitempty"`
}

// row says how one control is shown.
type row struct {
	control      string
	value, basis func(p Posture) string // what is in force, and what is the default
	absent       func(p Posture) bool   // nil: never
}

// Controls shows the posture control by control, in a fixed order. The
// default is that of the same request without relaxations on the same host.
func (p Posture) Controls() []Control {
	out := make([]Control, 0, len(rows))
	for _, r := range rows {
		c := Control{Control: r.control, Default: r.basis(p), Actual: r.value(p), Absent: r.absent != nil && r.absent(p)}
		var by, reasons []string
		for _, x := range p.Relaxations {
			if x.Control != r.control {
				continue
			}
			c.Relaxed = true
			if !slices.Contains(by, x.AllowedBy) {
				by, reasons = append(by, x.AllowedBy), append(reasons, x.Reason)
			}
		}
		c.AllowedBy, c.Reason = strings.Join(by, "; "), strings.Join(reasons, "; ")
		out = append(out, c)
	}
	return out
}

// ControlNames returns the names of all controls in the order of Controls.
func ControlNames() []string {
	names := make([]string, 0, len(rows))
	for _, r := range rows {
		names = append(names, r.control)
	}
	return names
}

// ProvedNames returns the names of all controls that a proof is about: those
// of ControlNames, and the node's own.
func ProvedNames() []string {
	return append(ControlNames(), ControlImages, ControlAPIDecoding, ControlAPIAccess)
}

// always shows the same.
func always(text string) func(Posture) string { return func(Posture) string { return text } }
