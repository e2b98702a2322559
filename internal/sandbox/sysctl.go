package sandbox

import (
	"maps"
	"slices"
	"strings"
)

// decideSysctls sets the safe ones, asks the policy for the rest of those
// that belong to a namespace of the container's, and never takes another.
func (d *decision) decideSysctls() {
	d.p.Sysctls = map[string]string{}
	if d.p.Namespaces.Network == NamespaceOwn {
		d.p.Sysctls = defaultSysctls()
	}
	for _, name := range slices.Sorted(maps.Keys(d.r.Sysctls)) {
		value := d.r.Sysctls[name]
		if strings.ContainsFunc(name, isSysctlOdd) || strings.Contains(name, "..") || strings.ContainsFunc(value, isControl) || len(value) > 4096 {
			d.invalid("--sysctl", name, "a name has letters, digits, '.', '_' and '-', a value no control characters")
			continue
		}
		if why := d.sysctlOutside(name); why != "" {
			d.invalid("--sysctl", name, "%s", why)
			continue
		}
		if slices.Contains(safeSysctls, name) || d.relax(ask{control: ControlSysctls, rule: RuleSysctl, value: name, what: "--sysctl " + name,
			why: "it changes how the kernel treats the container, and is not among those known to be safe"}) {
			d.p.Sysctls[name] = value
		}
	}
}

func isSysctlOdd(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
}

// ipcSysctls belong to the IPC namespace, like all of fs.mqueue.
var ipcSysctls = []string{
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
	"kernel.shm_rmid_forced", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
}

// sysctlOutside says why a sysctl would reach beyond the container.
func (d *decision) sysctlOutside(name string) string {
	ns := d.p.Namespaces
	switch {
	case strings.HasPrefix(name, "net."):
		if ns.Network != NamespaceOwn {
			return "the network is not the container's own"
		}
	case slices.Contains(ipcSysctls, name) || strings.HasPrefix(name, "fs.mqueue."):
		if ns.IPC != NamespaceOwn {
			return "the IPC namespace is not the container's own"
		}
	default:
		return "it is the whole host's: set it there with sysctl(8)"
	}
	return ""
}
