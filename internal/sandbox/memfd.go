package sandbox

import "strings"

// decideMemfdOption reads memfd=exec.
func (d *decision) decideMemfdOption(opt, value string) {
	if value != "exec" {
		d.invalid("security option", opt, "memfd is exec or left out")
		return
	}
	d.p.MemoryFilesExec = d.relax(ask{control: ControlMemoryFiles, rule: RuleSecurityOpt, value: "memfd=exec", what: "--security-opt " + opt,
		why: "a program that was never in the image, and leaves no file behind, can then be executed from memory"})
}

// decideMemoryFiles follows the process namespace, which the setting belongs
// to: one that is not the container's own has that of its owner.
func (d *decision) decideMemoryFiles() {
	if d.p.Namespaces.PID != NamespaceOwn {
		d.repeat(ControlMemoryFiles, ControlPIDNS)
	}
}

// deniesMemoryFiles says that the container's own process namespace keeps
// files in memory from being executed.
func (p Posture) deniesMemoryFiles() bool {
	return p.Host.MemfdNoexec && !p.MemoryFilesExec && p.Namespaces.PID == NamespaceOwn
}

const memoryFilesDefault = "cannot be executed (vm.memfd_noexec)"

func memoryFilesText(p Posture) string {
	switch {
	case p.deniesMemoryFiles():
		return memoryFilesDefault
	case strings.HasPrefix(p.Namespaces.PID, NamespaceJoin):
		return "as in container " + shortID(strings.TrimPrefix(p.Namespaces.PID, NamespaceJoin))
	case p.Namespaces.PID == NamespaceHost:
		return "as on the host"
	case !p.Host.MemfdNoexec:
		return "can be executed: the kernel cannot keep them from it (Linux 6.6 and later can)"
	}
	return "can be executed"
}
