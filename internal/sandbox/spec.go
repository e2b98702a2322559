package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/sandbox/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Spec turns a posture and what was made for it into what an OCI runtime
// runs. What the posture needs and the binding lacks is an error: nothing is
// left out silently.
// Source: https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md.
func Spec(p Posture, b Binding) (*specs.Spec, error) {
	if p.Version != PostureVersion {
		return nil, fmt.Errorf("sandbox: posture of version %d, this program reads %d: create the container again", p.Version, PostureVersion)
	}
	if err := b.check(p); err != nil {
		return nil, err
	}
	filter, err := p.filter()
	if err != nil {
		return nil, err
	}
	mounts, err := specMounts(p, b)
	if err != nil {
		return nil, err
	}
	process := p.process(p.Args, p.Identity)
	process.Terminal, process.Env, process.Cwd = p.Terminal, slices.Clone(p.Env), p.WorkingDir
	process.SelinuxLabel, _ = p.SELinuxLabels(b.IDBase)
	if p.Init {
		process.Args = append([]string{InitTarget, "--"}, p.Args...)
	}
	spec := &specs.Spec{
		Version: b.OCIVersion, Process: process, Root: &specs.Root{Path: b.RootfsPath, Readonly: !p.Root.Writable},
		Hostname: p.Hostname, Domainname: p.Domainname, Mounts: mounts, Annotations: maps.Clone(p.Annotations),
		Linux: &specs.Linux{
			Namespaces: namespaces(p, b), CgroupsPath: b.CgroupPath, Resources: p.resources(),
			Seccomp: filter, Sysctl: maps.Clone(p.Sysctls),
			MaskedPaths: p.masked(), ReadonlyPaths: p.readonly(), RootfsPropagation: p.propagation(),
		},
	}
	if spec.Version == "" {
		spec.Version = specs.Version
	}
	_, spec.Linux.MountLabel = p.SELinuxLabels(b.IDBase)
	if p.Namespaces.User != NamespaceHost && b.UserNSPath == "" {
		spec.Linux.UIDMappings, spec.Linux.GIDMappings = b.mapping(), b.mapping()
	}
	spec.Linux.Resources.Devices = p.deviceCgroup()
	if p.deniesMemoryFiles() {
		spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: b.MemfdHook[0], Args: slices.Clone(b.MemfdHook)}}}
	}
	return spec, nil
}

// check wants what the posture needs.
func (b Binding) check(p Posture) error {
	var errs []error
	need := func(value, what string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("sandbox: the start of %s lacks %s", shortID(p.ID), what))
		}
	}
	need(b.RootfsPath, "a root file system")
	if p.deniesMemoryFiles() && len(b.MemfdHook) == 0 {
		need("", "what keeps files in memory from being executed")
	}
	need(b.CgroupPath, "a cgroup")
	if p.Namespaces.User != NamespaceHost && b.IDBase == 0 {
		need("", "a range of user ids")
	}
	for kind, mode := range map[string]string{"pid": p.Namespaces.PID, "ipc": p.Namespaces.IPC} {
		if strings.HasPrefix(mode, NamespaceJoin) {
			need(b.JoinPaths[kind], "the "+kind+" namespace to join")
		}
	}
	if strings.HasPrefix(p.Namespaces.Network, NamespaceJoin) {
		need(b.NetNSPath, "the network namespace to join")
	}
	if strings.HasPrefix(p.Namespaces.User, NamespaceJoin) {
		need(b.UserNSPath, "the user namespace to join")
	}
	if p.Init {
		need(b.InitPath, "Bailey's init")
	}
	if len(p.Secrets) > 0 {
		need(b.SecretsPath, "its secrets")
	}
	return errors.Join(errs...)
}

func (b Binding) mapping() []specs.LinuxIDMapping {
	return []specs.LinuxIDMapping{{ContainerID: 0, HostID: b.IDBase, Size: IDs}}
}

// process is what every process of the container has in common.
func (p Posture) process(args []string, id Identity) *specs.Process {
	score := p.Limits.OOMScoreAdj
	proc := &specs.Process{
		Args: slices.Clone(args),
		User: specs.User{UID: id.UID, GID: id.GID, Umask: p.Umask, AdditionalGids: id.groups()},
		// No set is ever wider than another: nothing can be raised later, nothing is inherited.
		Capabilities:    p.Capabilities.oci(id),
		NoNewPrivileges: p.NoNewPrivileges,
		OOMScoreAdj:     &score,
	}
	switch p.AppArmor.Mode {
	case ModeDefault, ModeCustom:
		proc.ApparmorProfile = p.AppArmor.Profile
	case ModeUnconfined:
		proc.ApparmorProfile = ModeUnconfined
	}
	for _, u := range p.Limits.Rlimits {
		proc.Rlimits = append(proc.Rlimits, specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(u.Name), Soft: uint64(u.Soft), Hard: uint64(u.Hard)})
	}
	return proc
}

// groups are the supplementary groups, of which the primary one is the first: a program that gives itself another primary
// group would otherwise leave it, and with it what the group is denied (CVE-2022-36109).
func (id Identity) groups() []uint32 {
	others := slices.DeleteFunc(slices.Clone(id.Groups), func(g uint32) bool { return g == id.GID })
	return append([]uint32{id.GID}, others...)
}

// of returns what a user gets.
func (c Capabilities) of(id Identity) []string {
	if id.UID == 0 {
		return c.Root
	}
	return c.User
}

// oci returns the sets of a user. Only a user that is not root needs
// inheritable and ambient ones, and only for what a relaxation gave: the
// kernel drops the others when a program starts.
func (c Capabilities) oci(id Identity) *specs.LinuxCapabilities {
	have := slices.Clone(c.of(id))
	sets := &specs.LinuxCapabilities{Bounding: have, Effective: have, Permitted: have}
	if id.UID != 0 {
		sets.Inheritable, sets.Ambient = have, have
	}
	return sets
}

// filter returns the list of system calls, nil when there is none.
func (p Posture) filter() (*specs.LinuxSeccomp, error) {
	switch p.Seccomp.Mode {
	case ModeDefault:
		return seccomp.Profile(p.Host.Architecture, p.Seccomp.Opened)
	case ModeCustom:
		return seccomp.Custom(p.Seccomp.Profile, p.Host.Architecture, p.Capabilities.Root)
	case ModeUnconfined:
		return nil, nil
	}
	return nil, fmt.Errorf("sandbox: posture with the unknown seccomp mode %q", p.Seccomp.Mode)
}

func namespaces(p Posture, b Binding) []specs.LinuxNamespace {
	var all []specs.LinuxNamespace
	for _, n := range []struct {
		kind       specs.LinuxNamespaceType
		mode, path string
	}{
		{specs.UserNamespace, p.Namespaces.User, b.UserNSPath},
		{specs.NetworkNamespace, p.Namespaces.Network, b.NetNSPath},
		{specs.PIDNamespace, p.Namespaces.PID, b.JoinPaths["pid"]},
		{specs.IPCNamespace, p.Namespaces.IPC, b.JoinPaths["ipc"]},
		{specs.UTSNamespace, p.Namespaces.UTS, ""},
		{specs.MountNamespace, p.Namespaces.Mount, ""},
		{specs.CgroupNamespace, p.Namespaces.Cgroup, ""},
		{specs.TimeNamespace, p.Namespaces.Time, ""},
	} {
		if n.mode != NamespaceHost && n.mode != NamespaceAbsent {
			all = append(all, specs.LinuxNamespace{Type: n.kind, Path: n.path})
		}
	}
	return all
}

// masked writes out the paths that stand for one of each processor.
func (p Posture) masked() []string {
	var out []string
	for _, path := range p.MaskedPaths {
		if path != thermalThrottle {
			out = append(out, path)
			continue
		}
		for i := range p.Host.PossibleCPUs {
			out = append(out, strings.Replace(path, "*", fmt.Sprint(i), 1))
		}
	}
	return out
}

// readonly adds the directory of the controllers on cgroup v1: runc mounts
// each of them read-only, but not the tmpfs that they are in.
func (p Posture) readonly() []string {
	out := slices.Clone(p.ReadonlyPaths)
	if !p.Host.CgroupV2 && !p.WritableCgroups {
		out = append(out, "/sys/fs/cgroup")
	}
	return out
}

// propagation is private, unless a relaxation lets mounts through.
func (p Posture) propagation() string {
	widest := "rprivate"
	for _, m := range p.Mounts {
		switch strings.TrimPrefix(m.Propagation, "r") {
		case "shared":
			return "rshared"
		case "slave":
			widest = "rslave"
		}
	}
	return widest
}
