package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	ownNamespace = "its own"
	none         = "none"
)

// rows are the controls in the order they are shown.
var rows = []row{
	{ControlUserNS, func(p Posture) string { return userNS(p.Namespaces.User) }, always(userNS(NamespaceOwn)), nil},
	{ControlCapabilities, capabilities, func(p Posture) string { return names(defaultCapabilitiesOf(p.Identity)) }, nil},
	{ControlNoNewPrivileges, func(p Posture) string { return onOff(p.NoNewPrivileges) }, always("on"), nil},
	{ControlSeccomp, seccompText, always("Bailey's list, native ABI only"), nil},
	{ControlLSM, lsm, lsmDefault, func(p Posture) bool { return p.AppArmor.Mode == ModeAbsent && p.SELinux.Mode == ModeAbsent }},
	{ControlRoot, rootText, always("read-only"), nil},
	{ControlTemporary, temporaryText, always("/dev/shm 64 MiB, /run 64 MiB, /tmp 64 MiB, /var/tmp 64 MiB"), nil},
	{ControlMountOptions, mountOptions, always("noexec, nosuid, nodev, private"), nil},
	{ControlMemoryFiles, memoryFilesText, always(memoryFilesDefault), func(p Posture) bool { return !p.Host.MemfdNoexec }},
	{ControlHostMounts, hostMounts, always(none), nil},
	{ControlFiles, filesText, always(none), nil},
	{ControlProcSys, pathsText, always(fmt.Sprintf("%d paths hidden, %d read-only, /sys read-only", len(defaultMasked), len(defaultReadonly))), nil},
	{ControlCgroupFS, func(p Posture) string { return readOnlyText(!p.WritableCgroups) }, always("read-only"), nil},
	{ControlPIDNS, func(p Posture) string { return namespace(p.Namespaces.PID) }, always(ownNamespace), nil},
	{ControlIPCNS, func(p Posture) string { return namespace(p.Namespaces.IPC) }, always(ownNamespace), nil},
	{ControlUTSNS, func(p Posture) string { return namespace(p.Namespaces.UTS) }, always(ownNamespace), nil},
	{ControlMountNS, func(p Posture) string { return namespace(p.Namespaces.Mount) }, always(ownNamespace), nil},
	{ControlCgroupNS, func(p Posture) string { return namespace(p.Namespaces.Cgroup) }, always(ownNamespace), nil},
	{ControlTimeNS, func(p Posture) string { return namespace(p.Namespaces.Time) }, always(ownNamespace), func(p Posture) bool { return p.Namespaces.Time == NamespaceAbsent }},
	{ControlDevices, devicesText, always("null, zero, full, random, urandom, tty, ptmx and pts"), missing("devices")},
	{ControlSysctls, sysctls, always("the kernel's; any port can be bound, ping works"), nil},
	{ControlNetwork, networkText, always("a segment of its own: no other container, no service of the host"), nil},
	{ControlPorts, ports, always("127.0.0.1 unless an address is given"), nil},
	{ControlMemory, memoryText, func(p Posture) string { return human(p.Host.DefaultMemory) }, missing("memory")},
	{ControlSwap, func(p Posture) string { return limit(p.Limits.Swap, human) }, always(none), func(p Posture) bool { return !p.Host.SwapAccounting }},
	{ControlOOM, oom, always("ended at its own limit, no sooner spared than others"), nil},
	{ControlPids, func(p Posture) string { return limit(p.Limits.Pids, count) }, always(count(DefaultPids)), missing("pids")},
	{ControlNofile, func(p Posture) string { return rlimit(p, "nofile") }, nofileDefault, nil},
	{ControlCore, func(p Posture) string { return rlimit(p, "core") }, always("0"), nil},
	{ControlUlimits, otherUlimits, always("the node's"), nil},
	{ControlCPU, cpuText, func(p Posture) string {
		return fmt.Sprintf("weight %d, at most the host's %d", DefaultCPUShares, p.Host.CPUs)
	}, missing("cpu")},
	{ControlDisk, disk, diskDefault, nil},
	{ControlLog, logText, always(fmt.Sprintf("%s x %d", human(DefaultLogSize), DefaultLogFiles)), nil},
	{ControlSecrets, secrets, always("files in memory, mode 0400, never in the environment"), nil},
	{ControlExec, always("the container's own posture"), always("the container's own posture"), nil},
	{ControlCgroupParent, func(p Posture) string { return orElse(p.CgroupParent, "the node's") }, always("the node's"), nil},
	{ControlRuntime, runtimeText, always("the node's, without annotations"), nil},
}

// missing says that a control is absent when a cgroup controller is.
func missing(controller string) func(Posture) bool {
	return func(p Posture) bool { return slices.Contains(p.Host.Missing, controller) }
}

func userNS(mode string) string {
	if mode == NamespaceOwn {
		return fmt.Sprintf("its own %d ids, no other container's", IDs)
	}
	return namespace(mode)
}

func namespace(mode string) string {
	switch mode {
	case NamespaceOwn:
		return ownNamespace
	case NamespaceHost:
		return "the host's"
	case NamespaceAbsent:
		return "the kernel has none"
	}
	return "that of container " + shortID(strings.TrimPrefix(mode, NamespaceJoin))
}

func defaultCapabilitiesOf(id Identity) []string {
	if id.UID == 0 {
		return defaultCapabilities
	}
	return nil
}

func capabilities(p Posture) string {
	have := p.Capabilities.of(p.Identity)
	if len(have) == len(knownCapabilities) {
		return "ALL"
	}
	return names(have)
}

// names shows capabilities as people write them.
func names(capabilities []string) string {
	if len(capabilities) == 0 {
		return none
	}
	return strings.ReplaceAll(strings.Join(capabilities, " "), "CAP_", "")
}

func seccompText(p Posture) string {
	switch {
	case p.Seccomp.Mode == ModeUnconfined:
		return "off: every system call"
	case p.Seccomp.Mode == ModeCustom:
		return "a list of the caller's, native ABI only"
	case len(p.Seccomp.Opened) > 0:
		return "Bailey's list, native ABI only, and " + strings.Join(p.Seccomp.Opened, ", ")
	}
	return "Bailey's list, native ABI only"
}

func lsm(p Posture) string {
	var parts []string
	switch p.AppArmor.Mode {
	case ModeDefault, ModeCustom:
		parts = append(parts, "AppArmor profile "+p.AppArmor.Profile)
	case ModeUnconfined:
		parts = append(parts, "AppArmor off")
	}
	switch p.SELinux.Mode {
	case ModeDefault, ModeCustom:
		parts = append(parts, "SELinux type "+p.SELinux.Type+", "+orElse(p.SELinux.Level, "categories of its own"))
	case ModeUnconfined:
		parts = append(parts, "SELinux off")
	}
	return orElse(strings.Join(parts, "; "), "the host has none")
}

// lsmDefault is what the host's modules would have without relaxations.
func lsmDefault(p Posture) string {
	if p.AppArmor.Mode != ModeAbsent {
		p.AppArmor = AppArmor{Mode: ModeDefault, Profile: defaultProfile()}
	}
	if p.SELinux.Mode != ModeAbsent {
		p.SELinux = SELinux{Mode: ModeDefault, Type: defaultSELinuxType}
	}
	if p.AppArmor.Mode == ModeAbsent && p.SELinux.Mode == ModeAbsent {
		return "AppArmor or SELinux, where the host has one"
	}
	return lsm(p)
}

func rootText(p Posture) string {
	text := readOnlyText(!p.Root.Writable)
	if p.Root.Setuid {
		text += ", set-user-id programs count"
	}
	return text
}

func readOnlyText(readOnly bool) string {
	if readOnly {
		return "read-only"
	}
	return "writable"
}

// temporaryText shows every tmpfs, the caller's among them.
func temporaryText(p Posture) string {
	var parts []string
	for _, m := range p.Mounts {
		if m.Kind == MountTmpfs || m.Kind == mountShm {
			parts = append(parts, m.Target+" "+human(m.SizeBytes))
		}
	}
	slices.Sort(parts)
	return orElse(strings.Join(parts, ", "), none)
}

// mountOptions shows what a mount was given beyond the default.
func mountOptions(p Posture) string {
	var parts []string
	for _, m := range p.Mounts {
		if m.Kind == mountInit || m.Kind == mountDevice {
			continue
		}
		var given []string
		for name, on := range map[string]bool{"exec": m.Exec, "suid": m.Suid, "dev": m.Dev} {
			if on {
				given = append(given, name)
			}
		}
		if m.Propagation != "" {
			given = append(given, m.Propagation)
		}
		if len(given) > 0 {
			slices.Sort(given)
			parts = append(parts, m.Target+" "+strings.Join(given, ","))
		}
	}
	return orElse(strings.Join(parts, "; "), "noexec, nosuid, nodev, private")
}

func hostMounts(p Posture) string {
	var parts []string
	for _, m := range p.Mounts {
		if m.Kind == MountBind {
			parts = append(parts, fmt.Sprintf("%s at %s, %s", m.Source, m.Target, readOnlyText(m.ReadOnly)))
		}
	}
	return orElse(strings.Join(parts, "; "), none)
}

func pathsText(p Posture) string {
	return fmt.Sprintf("%d paths hidden, %d read-only, /sys %s", len(p.MaskedPaths), len(p.ReadonlyPaths), readOnlyText(!p.Privileged))
}

func sysctls(p Posture) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p.Sysctls)) {
		if defaultSysctls()[name] != p.Sysctls[name] {
			parts = append(parts, name+"="+p.Sysctls[name])
		}
	}
	return orElse(strings.Join(parts, ", "), "the kernel's; any port can be bound, ping works")
}

func secrets(p Posture) string {
	if len(p.Secrets) == 0 {
		return none
	}
	text := fmt.Sprintf("%s in %s", strings.Join(p.Secrets, ", "), SecretsDir)
	if !p.Host.NoSwapTmpfs {
		text += " (the kernel may swap it out)"
	}
	return text
}

func runtimeText(p Posture) string {
	if p.Runtime == "" && len(p.Annotations) == 0 {
		return "the node's, without annotations"
	}
	return strings.Join(append([]string{orElse(p.Runtime, "the node's")}, slices.Sorted(maps.Keys(p.Annotations))...), ", ")
}
