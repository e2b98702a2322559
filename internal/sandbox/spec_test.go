package sandbox

import (
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func compute(t *testing.T, ask func(*Request), allow ...Allow) Posture {
	t.Helper()
	for i := range allow {
		allow[i].Callers, allow[i].Reason = []string{"*"}, "test"
	}
	p, err := Compute(request(ask), Policy{Path: "p", Allow: allow}, alice, testHost())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSpecWantsWhatItNeeds(t *testing.T) {
	p := compute(t, func(r *Request) {
		r.Init, r.Secrets = true, []string{"a"}
		r.Mounts = []Mount{{Type: MountVolume, Source: "v", Target: "/data"}}
	})
	if _, err := Spec(p, testBinding()); err != nil {
		t.Fatal(err)
	}
	for name, lack := range map[string]func(*Binding){
		"root file system": func(b *Binding) { b.RootfsPath = "" },
		"cgroup":           func(b *Binding) { b.CgroupPath = "" },
		"ids":              func(b *Binding) { b.IDBase = 0 },
		"init":             func(b *Binding) { b.InitPath = "" },
		"secrets":          func(b *Binding) { b.SecretsPath = "" },
		"source":           func(b *Binding) { b.MountSources = nil },
		"absolute source":  func(b *Binding) { b.MountSources = map[string]string{"/data": "data"} },
	} {
		b := testBinding()
		lack(&b)
		if spec, err := Spec(p, b); err == nil || spec != nil {
			t.Errorf("started without %s", name)
		}
	}
	for name, spoil := range map[string]func(*Posture){
		"version": func(p *Posture) { p.Version = 0 },
		"seccomp": func(p *Posture) { p.Seccomp.Mode = "" },
		"mount":   func(p *Posture) { p.Mounts[0].Kind = "hugetlbfs" },
	} {
		bad := p
		bad.Mounts = slices.Clone(p.Mounts)
		spoil(&bad)
		if _, err := Spec(bad, testBinding()); err == nil {
			t.Errorf("a posture with a spoilt %s was started", name)
		}
	}
}

func TestJoinedNamespaces(t *testing.T) {
	p := compute(t, func(r *Request) {
		r.Network, r.Namespaces = other, map[string]string{"pid": other, "ipc": other}
	}, Allow{Rule: RuleJoinNamespace, Values: []string{"*"}})
	b := testBinding()
	if _, err := Spec(p, b); err == nil {
		t.Error("joined what is not there")
	}
	b.JoinPaths = map[string]string{"pid": "/p", "ipc": "/i"}
	b.MountSources["/dev/shm"] = "/other/shm"
	spec, err := Spec(p, b)
	if err != nil {
		t.Fatal(err)
	}
	for kind, path := range map[specs.LinuxNamespaceType]string{
		specs.PIDNamespace: "/p", specs.IPCNamespace: "/i", specs.NetworkNamespace: b.NetNSPath, specs.UserNamespace: b.UserNSPath, specs.UTSNamespace: "",
	} {
		if !slices.Contains(spec.Linux.Namespaces, specs.LinuxNamespace{Type: kind, Path: path}) {
			t.Errorf("%s is not joined at %q: %v", kind, path, spec.Linux.Namespaces)
		}
	}
	if m := specMountAt(spec, "/dev/shm"); m.Source != "/other/shm" {
		t.Errorf("shared memory is %+v", m)
	}
	b.UserNSPath = ""
	if _, err := Spec(p, b); err == nil {
		t.Error("joined with ids of its own")
	}
}

func specMountAt(s *specs.Spec, target string) specs.Mount {
	for _, m := range s.Mounts {
		if m.Destination == target {
			return m
		}
	}
	return specs.Mount{}
}

// Without rights over the host's namespaces they can only be shown, not mounted anew.
func TestHostNamespaces(t *testing.T) {
	p := compute(t, func(r *Request) {
		r.Network, r.Namespaces = "host", map[string]string{"pid": "host", "ipc": "host", "uts": "host"}
	}, Allow{Rule: RuleHostNamespace, Values: []string{"*"}})
	spec, err := Spec(p, testBinding())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range spec.Linux.Namespaces {
		if slices.Contains([]specs.LinuxNamespaceType{specs.PIDNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.NetworkNamespace}, n.Type) {
			t.Errorf("%s is the container's own", n.Type)
		}
	}
	if spec.Hostname != "" || specMountAt(spec, "/proc").Type != "bind" || specMountAt(spec, "/dev/shm").Type != "bind" || specMountAt(spec, "/dev/mqueue").Type != "" ||
		!slices.Contains(specMountAt(spec, "/sys").Options, "rro") {
		t.Errorf("hostname %q, mounts %+v", spec.Hostname, spec.Mounts)
	}
	root := compute(t, mode("user", "host"), Allow{Rule: RuleHostNamespace, Values: []string{"user"}})
	b := testBinding()
	b.IDBase, b.UserNSPath = 0, ""
	if spec, err = Spec(root, b); err != nil {
		t.Fatal(err)
	}
	if spec.Linux.UIDMappings != nil || specMountAt(spec, "/proc").Type != "proc" {
		t.Errorf("in the host's user namespace: %+v", spec.Linux)
	}
}

// A sysctl is only taken for a namespace that is the container's own.
func TestSysctlsOfTheHost(t *testing.T) {
	all := Policy{Allow: []Allow{
		{Rule: RuleHostNamespace, Values: []string{"*"}, Callers: []string{"*"}, Reason: "r"}, {Rule: RuleSysctl, Values: []string{"*"}, Callers: []string{"*"}, Reason: "r"},
	}}
	for name, r := range map[string]Request{
		"net.core.somaxconn":     request(func(r *Request) { r.Network = "host" }),
		"kernel.shm_rmid_forced": request(mode("ipc", "host")),
		"fs.mqueue.msg_max":      request(mode("ipc", "host")),
	} {
		own := request(nil)
		own.Sysctls = map[string]string{name: "1"}
		r.Sysctls = own.Sysctls
		if _, err := Compute(own, all, alice, testHost()); err != nil {
			t.Errorf("%s in a namespace of its own: %v", name, err)
		}
		if _, err := Compute(r, all, alice, testHost()); err == nil {
			t.Errorf("%s is set for the host", name)
		}
	}
}

func TestPrivilegedSpec(t *testing.T) {
	spec, err := Spec(compute(t, func(r *Request) { r.Privileged = true }, Allow{Rule: RulePrivileged}), testBinding())
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/sys", "/sys/fs/cgroup"} {
		if slices.Contains(specMountAt(spec, target).Options, "ro") {
			t.Errorf("%s is read-only", target)
		}
	}
	if spec.Linux.Seccomp != nil || spec.Linux.MaskedPaths != nil || !spec.Root.Readonly || spec.Process.ApparmorProfile != ModeUnconfined || len(spec.Linux.Resources.Devices) != 2 {
		t.Errorf("%+v, process %+v", spec.Linux, spec.Process)
	}
}

func TestMapping(t *testing.T) {
	p := compute(t, mount(Mount{Type: MountVolume, Source: "v", Target: "/data"}))
	b := testBinding()
	spec, err := Spec(p, b)
	if err != nil {
		t.Fatal(err)
	}
	if m := specMountAt(spec, "/data"); spec.Linux.UIDMappings != nil || !slices.Contains(m.Options, "idmap") || m.UIDMappings != nil {
		t.Errorf("with a namespace to join: %+v, mount %+v", spec.Linux.UIDMappings, m)
	}
	b.UserNSPath = ""
	if spec, err = Spec(p, b); err != nil {
		t.Fatal(err)
	}
	want := []specs.LinuxIDMapping{{ContainerID: 0, HostID: b.IDBase, Size: IDs}}
	if m := specMountAt(spec, "/data"); !slices.Equal(spec.Linux.UIDMappings, want) || !slices.Equal(spec.Linux.GIDMappings, want) || !slices.Equal(m.GIDMappings, want) {
		t.Errorf("without: %+v, mount %+v", spec.Linux.UIDMappings, m)
	}
	b.MapMounts = false
	if spec, err = Spec(p, b); err != nil || specMountAt(spec, "/data").GIDMappings != nil {
		t.Errorf("%v: a mount that is mapped already is mapped again", err)
	}
}

func TestPropagation(t *testing.T) {
	for asked, want := range map[string]string{"": "rprivate", "rprivate": "rprivate", "slave": "rslave", "rshared": "rshared"} {
		r := request(mount(Mount{Type: MountBind, Source: "/srv/data", Target: "/x", ReadOnly: true, Propagation: asked}))
		policy := testPolicy(t)
		policy.Allow = append(policy.Allow, Allow{Rule: RuleMountOption, Values: []string{"propagation"}, Callers: []string{"alice"}, Reason: "r"})
		p, err := Compute(r, policy, alice, testHost())
		if err != nil {
			t.Fatal(err)
		}
		if got := p.propagation(); got != want {
			t.Errorf("%q gives %q, want %q", asked, got, want)
		}
	}
}

// Parents come before what is mounted in them, and nothing is mounted twice in one place.
func TestMountOrder(t *testing.T) {
	p := compute(t, func(r *Request) {
		r.Init, r.Secrets = true, []string{"a"}
		r.Mounts = []Mount{
			{Type: MountTmpfs, Target: "/run/app/sub"}, {Type: MountTmpfs, Target: "/var"}, {Type: MountVolume, Source: "v", Target: "/run/app"},
			{Type: MountTmpfs, Target: "/dev/shm"}, {Type: MountVolume, Source: "f", Target: "/srv/file", File: true},
		}
	})
	seen := map[string]bool{}
	for _, m := range p.Mounts {
		if seen[m.Target] {
			t.Errorf("%s twice", m.Target)
		}
		for before := range seen {
			if within(before, m.Target) {
				t.Errorf("%s is mounted before %s", before, m.Target)
			}
		}
		seen[m.Target] = true
	}
	if m := mountAt(p, "/dev/shm"); m.Kind != MountTmpfs {
		t.Errorf("/dev/shm is %+v", m)
	}
	points := p.MountPoints()
	for _, want := range []MountPoint{{Path: "/proc"}, {Path: "/run"}, {Path: "/srv/file", File: true}, {Path: "/run/app/sub"}} {
		inVolume := strings.HasPrefix(want.Path, "/run/app/") // inside of a tmpfs, then of the volume: made there
		if slices.Contains(points, want) == inVolume {
			t.Errorf("mount points are %v (%v)", points, want)
		}
	}
}

func TestExecProcess(t *testing.T) {
	p := compute(t, func(r *Request) { r.Identity = Identity{UID: 1000, GID: 1000, Groups: []uint32{5}} })
	proc, err := ExecProcess(p, ExecRequest{Args: []string{"sh"}, Env: []string{"LANG=de", "X=1"}, Terminal: true})
	if err != nil {
		t.Fatal(err)
	}
	if proc.User.UID != 1000 || len(proc.Capabilities.Bounding) != 0 || !proc.NoNewPrivileges || proc.Cwd != "/srv" || proc.ApparmorProfile == "" || len(proc.Rlimits) == 0 {
		t.Errorf("%+v", proc)
	}
	if !slices.Contains(proc.Env, "LANG=de") || slices.Contains(proc.Env, "LANG=C.UTF-8") || !slices.Contains(proc.Env, "TERM=xterm") || !slices.Contains(proc.Env, defaultPath) {
		t.Errorf("environment %q", proc.Env)
	}
	root, err := ExecProcess(p, ExecRequest{Args: []string{"sh"}, Identity: &Identity{}, WorkingDir: "/tmp"})
	if err != nil || !slices.Equal(root.Capabilities.Effective, defaultCapabilities) || root.Capabilities.Ambient != nil || root.Cwd != "/tmp" {
		t.Errorf("%v: %+v", err, root)
	}
	if _, err := ExecProcess(p, ExecRequest{Args: []string{"sh"}, Privileged: true}); len(Refusals(err)) != 1 {
		t.Errorf("a privileged process in a container that is not: %v", err)
	}
	for name, r := range map[string]ExecRequest{
		"no command": {}, "a descriptor as cwd": {Args: []string{"sh"}, WorkingDir: "/proc/self/fd/8"},
		"environment": {Args: []string{"sh"}, Env: []string{"X"}}, "user": {Args: []string{"sh"}, Identity: &Identity{UID: 1 << 20}},
	} {
		if _, err := ExecProcess(p, r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	privileged := compute(t, func(r *Request) { r.Privileged = true }, Allow{Rule: RulePrivileged})
	if proc, err = ExecProcess(privileged, ExecRequest{Args: []string{"sh"}, Privileged: true}); err != nil || len(proc.Capabilities.Effective) != len(knownCapabilities) {
		t.Errorf("%v: %+v", err, proc)
	}
}
