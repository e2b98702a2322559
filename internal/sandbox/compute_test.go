package sandbox

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// invalidRequests make no sense, whatever the policy.
var invalidRequests = map[string]func(*Request){
	"no command":               func(r *Request) { r.Args = nil },
	"empty command":            func(r *Request) { r.Args = []string{""} },
	"zero byte in an argument": func(r *Request) { r.Args = []string{"a\x00b"} },
	"endless arguments":        func(r *Request) { r.Args = []string{"x", strings.Repeat("y", maxArgs)} },
	"environment without name": func(r *Request) { r.Env = []string{"=x"} },
	"environment without =":    func(r *Request) { r.Env = []string{"x"} },
	"forged environment":       func(r *Request) { r.Env = []string{"A\nB=x"} },
	"zero byte in environment": func(r *Request) { r.Env = []string{"A=x\x00y"} },
	"user out of range":        func(r *Request) { r.Identity.UID = 65536 },
	"user -1":                  func(r *Request) { r.Identity.UID = 4294967295 },
	"group out of range":       func(r *Request) { r.Identity.GID = 65536 },
	"another group":            func(r *Request) { r.Identity.Groups = []uint32{1, 4294967295} },
	"groups without end":       func(r *Request) { r.Identity.Groups = make([]uint32, maxGroups+1) },
	"umask":                    func(r *Request) { u := uint32(0o1000); r.Umask = &u },
	"a descriptor as cwd":      func(r *Request) { r.WorkingDir = "/proc/self/fd/7" },
	"cwd by a detour":          func(r *Request) { r.WorkingDir = "/x/../proc/1/root" },
	"cwd in /dev/fd":           func(r *Request) { r.WorkingDir = "/dev/fd/7" },
	"cwd in /sys":              func(r *Request) { r.WorkingDir = "/sys/fs" },
	"relative cwd":             func(r *Request) { r.WorkingDir = "srv" },
	"hostname":                 func(r *Request) { r.Hostname = "a b" },
	"long hostname":            func(r *Request) { r.Hostname = strings.Repeat("a", 65) },
	"domain":                   func(r *Request) { r.Domainname = "a\nb" },
	"capability":               func(r *Request) { r.CapAdd = []string{"NET_ROOT"} },
	"dropped capability":       func(r *Request) { r.CapDrop = []string{"NET_ROOT"} },
	"security option":          option("selinux=off"),
	"wrong no-new-privileges":  option("no-new-privileges=maybe"),
	"seccomp file name":        option("seccomp=/etc/seccomp.json"),
	"seccomp group":            option("syscalls=+everything"),
	"systempaths":              option("systempaths=half"),
	"label":                    option("label=user:root"),
	"label without type":       option("label=type:"),
	"rootfs":                   option("rootfs=shared"),
	"writable-cgroups":         option("writable-cgroups=perhaps"),
	"apparmor":                 option("apparmor=a\nb"),
	"pid mode":                 mode("pid", "hosts"),
	"uts of a container":       mode("uts", "container:x"),
	"joining nobody":           mode("pid", "container:"),
	"kind of namespace":        mode("mnt", "host"),
	"two networks in one": func(r *Request) {
		r.Namespaces = map[string]string{"network": "a"}
		r.Network = "b"
	},
	"network name":        func(r *Request) { r.Network = "a/b" },
	"further network":     func(r *Request) { r.Networks = []string{"../x"} },
	"none and a network":  func(r *Request) { r.Network, r.Networks = "none", []string{"shop"} },
	"protocol":            func(r *Request) { r.Ports = []Port{{ContainerPort: 1, Proto: "sctp"}} },
	"port 0":              func(r *Request) { r.Ports = []Port{{Proto: "tcp"}} },
	"secret's name":       func(r *Request) { r.Secrets = []string{"../shadow"} },
	"secret twice":        func(r *Request) { r.Secrets = []string{"a", "a"} },
	"hidden secret":       func(r *Request) { r.Secrets = []string{".a"} },
	"volume's name":       mount(Mount{Type: MountVolume, Source: "../x", Target: "/x"}),
	"volume without name": mount(Mount{Type: MountVolume, Target: "/x"}),
	"type of mount":       mount(Mount{Type: "npipe", Target: "/x"}),
	"mount on the root":   mount(Mount{Type: MountTmpfs, Target: "/"}),
	"mount on the root..": mount(Mount{Type: MountTmpfs, Target: "/x/.."}),
	"mount on /dev":       mount(Mount{Type: MountTmpfs, Target: "/dev"}),
	"mount below /dev":    mount(Mount{Type: MountTmpfs, Target: "/dev/pts"}),
	"mount in /proc":      mount(Mount{Type: MountTmpfs, Target: "/proc/sys"}),
	"mount in /sys":       mount(Mount{Type: MountTmpfs, Target: "//sys/fs"}),
	"relative mount":      mount(Mount{Type: MountTmpfs, Target: "x"}),
	"mount on a newline":  mount(Mount{Type: MountTmpfs, Target: "/x\ny"}),
	"tmpfs with a source": mount(Mount{Type: MountTmpfs, Source: "/dev/sda", Target: "/x"}),
	"tmpfs size":          mount(Mount{Type: MountTmpfs, Target: "/x", SizeBytes: -1}),
	"tmpfs mode":          mount(Mount{Type: MountTmpfs, Target: "/x", Mode: 0o10000}),
	"mount option":        mount(Mount{Type: MountTmpfs, Target: "/x", Options: []string{"context=x"}}),
	"propagation":         mount(Mount{Type: MountVolume, Source: "v", Target: "/x", Propagation: "rshared"}),
	"what propagation":    mount(Mount{Type: MountVolume, Source: "v", Target: "/x", Propagation: "wide"}),
	"two at one place": func(r *Request) {
		r.Mounts = []Mount{{Type: MountTmpfs, Target: "/x"}, {Type: MountVolume, Source: "v", Target: "/x/"}}
	},
	"over the secrets": func(r *Request) {
		r.Secrets = []string{"a"}
		r.Mounts = []Mount{{Type: MountTmpfs, Target: "/run/secrets"}}
	},
	"mounts without end": func(r *Request) { r.Mounts = make([]Mount, maxMounts+1) },
	"device driver":      func(r *Request) { r.DeviceRequests = []string{"nvidia"} },
	"device elsewhere":   func(r *Request) { r.Devices = []Device{{HostPath: "/srv/x", Kind: "c"}} },
	"device by a detour": func(r *Request) { r.Devices = []Device{{HostPath: "/dev/../srv/x", Kind: "c"}} },
	"device over null":   func(r *Request) { r.Devices = []Device{{HostPath: "/dev/fuse", ContainerPath: "/dev/null", Kind: "c"}} },
	"device over pts": func(r *Request) {
		r.Devices = []Device{{HostPath: "/dev/fuse", ContainerPath: "/dev/pts/0", Kind: "c"}}
	},
	"device over init":  func(r *Request) { r.Devices = []Device{{HostPath: "/dev/fuse", ContainerPath: InitTarget, Kind: "c"}} },
	"not a device":      func(r *Request) { r.Devices = []Device{{HostPath: "/dev/fuse", Kind: "p"}} },
	"device permission": func(r *Request) { r.Devices = []Device{{HostPath: "/dev/fuse", Kind: "c", Permissions: "rwx"}} },
	"device rule":       func(r *Request) { r.DeviceCgroupRules = []string{"c 1:3"} },
	"device numbers":    func(r *Request) { r.DeviceCgroupRules = []string{"c 1:-3 rw"} },
	"devices without end": func(r *Request) {
		r.DeviceCgroupRules = slices.Repeat([]string{"c 1:3 r"}, maxDevices+1)
	},
	"sysctl of the host": func(r *Request) { r.Sysctls = map[string]string{"kernel.core_pattern": "|/x"} },
	"sysctl by slashes":  func(r *Request) { r.Sysctls = map[string]string{"net/../kernel/core_pattern": "|/x"} },
	"sysctl value":       func(r *Request) { r.Sysctls = map[string]string{"net.core.somaxconn": "1\n2"} },
	"little memory":      resources(func(r *Resources) { r.Memory = mib }),
	"negative memory":    resources(func(r *Resources) { r.Memory = -2 }),
	"swap below memory":  resources(func(r *Resources) { r.Memory, r.MemorySwap = gib, mib }),
	"reservation":        resources(func(r *Resources) { r.Memory, r.MemoryReservation = gib, 2*gib }),
	"shm":                resources(func(r *Resources) { r.ShmSize = -1 }),
	"cpus twice":         resources(func(r *Resources) { r.NanoCPUs, r.CPUQuota = 1e9, 1000 }),
	"hardly any cpu":     resources(func(r *Resources) { r.NanoCPUs = 1 }),
	"negative cpus":      resources(func(r *Resources) { r.NanoCPUs = -1 }),
	"cpu period":         resources(func(r *Resources) { r.CPUPeriod = 10 }),
	"cpu shares":         resources(func(r *Resources) { r.CPUShares = 1 << 20 }),
	"cpuset":             resources(func(r *Resources) { r.CpusetCpus = "0-1\n" }),
	"real time":          resources(func(r *Resources) { r.CPURealtime = 10 }),
	"blkio weight":       resources(func(r *Resources) { r.BlkioWeight = 5 }),
	"blkio throttle":     resources(func(r *Resources) { r.BlkioThrottles = []Throttle{{Kind: "read"}} }),
	"oom score":          func(r *Request) { r.OomScoreAdj = 1001 },
	"ulimit":             ulimitOf("files", 1),
	"ulimit upside down": func(r *Request) { r.Ulimits = []Ulimit{{"nofile", 10, 5}} },
	"ulimit without end": func(r *Request) { r.Ulimits = []Ulimit{{"nofile", -1, 5}} },
	"log size":           func(r *Request) { r.Log.MaxSizeBytes = 10 },
	"log files":          func(r *Request) { r.Log.MaxFiles = -1 },
	"cgroup parent":      func(r *Request) { r.CgroupParent = "/a/../b" },
	"annotation":         func(r *Request) { r.Annotations = map[string]string{"": "x"} },
	"every annotation":   func(r *Request) { r.Annotations = map[string]string{"run.*": "x"} },
	"every device":       func(r *Request) { r.Devices = []Device{{HostPath: "/dev/*", Kind: "c"}} },
	"every profile":      option("apparmor=*"),
	"every type":         option("label=type:*"),
	"every runtime":      func(r *Request) { r.Runtime = "*" },
	"every group":        func(r *Request) { r.CgroupParent = "/*" },
	"masked path":        func(r *Request) { r.MaskedPaths = &[]string{"proc"} },
	"size of the root":   func(r *Request) { r.RootSizeBytes = -2 },
	"hostname of the host": func(r *Request) {
		r.Namespaces = map[string]string{"uts": "host"}
		r.Hostname = "x"
	},
	"two containers joined": func(r *Request) {
		r.Namespaces = map[string]string{"pid": "container:a", "ipc": "container:b"}
	},
	"joined without its users": func(r *Request) {
		r.Namespaces = map[string]string{"pid": "container:a", "user": "host"}
	},
}

func TestInvalid(t *testing.T) {
	all := Policy{HostMounts: []HostMount{{Path: "/srv", Callers: []string{"*"}, Reason: "all"}}}
	for rule := range ruleValues {
		all.Allow = append(all.Allow, Allow{Rule: rule, Values: []string{"*"}, Callers: []string{"*"}, Reason: "all"})
	}
	for name, ask := range invalidRequests {
		t.Run(name, func(t *testing.T) {
			p, err := Compute(request(ask), all, alice, testHost())
			var invalid *InvalidError
			if !errors.As(err, &invalid) || len(Refusals(err)) > 0 {
				t.Fatalf("accepted or refused otherwise: %v", err)
			}
			if invalid.Field == "" || invalid.Why == "" {
				t.Errorf("an error that does not say what or why: %+v", invalid)
			}
			if p.Version != 0 {
				t.Error("a posture comes with the error")
			}
		})
	}
}

func TestHostDecides(t *testing.T) {
	compute := func(change func(*HostFacts), ask func(*Request)) Posture {
		host := testHost()
		change(&host)
		p, err := Compute(request(ask), Policy{}, alice, host)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	small := compute(func(f *HostFacts) { f.Memory, f.NofileHard, f.OOMScoreAdj = gib, 20000, 300 }, nil)
	if small.Limits.Memory != 512*mib || rlimit(small, "nofile") != "1024:20000" || small.Limits.OOMScoreAdj != 300 {
		t.Errorf("limits of a small host: %+v", small.Limits)
	}
	much := compute(func(f *HostFacts) {}, resources(func(r *Resources) { r.Memory, r.NanoCPUs = 100*gib, 64e9 }))
	if much.Limits.Memory != 8*gib || much.Limits.CPUQuota != 4*DefaultCPUPeriod || len(much.Notes) != 2 {
		t.Errorf("more than the host has: %+v, notes %q", much.Limits, much.Notes)
	}
	bare := compute(func(f *HostFacts) {
		f.Disk = DiskFacts{Bytes: 8 * gib, Why: "overlayfs has no project quotas"}
		f.AppArmor, f.TimeNS, f.SwapAccounting, f.KnownControllers = false, false, false, []string{"cpu", "memory"}
	}, nil)
	var absent []string
	for _, c := range bare.Controls() {
		if c.Absent {
			absent = append(absent, c.Control)
		}
	}
	if want := []string{ControlLSM, ControlTimeNS, ControlSwap, ControlPids}; !slices.Equal(absent, want) {
		t.Errorf("absent are %v, want %v", absent, want)
	}
	if spec, err := Spec(bare, testBinding()); err != nil || spec.Linux.Resources.Pids != nil || spec.Linux.Resources.Memory.Swap != nil || spec.Process.ApparmorProfile != "" {
		t.Errorf("%v: what the host lacks is in the spec: %+v", err, spec.Linux.Resources)
	}
	v1 := compute(func(f *HostFacts) { f.CgroupV2 = false }, nil)
	if spec, err := Spec(v1, testBinding()); err != nil || !slices.Contains(spec.Linux.ReadonlyPaths, "/sys/fs/cgroup") {
		t.Errorf("%v: on cgroup v1 the directory of the controllers can be written", err)
	}
	hot := compute(func(f *HostFacts) { f.PossibleCPUs = 3 }, nil)
	if spec, err := Spec(hot, testBinding()); err != nil || !slices.Contains(spec.Linux.MaskedPaths, "/sys/devices/system/cpu/cpu3/thermal_throttle") ||
		slices.ContainsFunc(spec.Linux.MaskedPaths, func(p string) bool { return strings.Contains(p, "*") }) {
		t.Errorf("%v: masked paths of processors", err)
	}
}

func TestUnknownArchitecture(t *testing.T) {
	host := testHost()
	host.Architecture = "riscv64"
	p, err := Compute(request(nil), Policy{}, alice, host)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Spec(p, testBinding()); err == nil {
		t.Error("a container without a filter")
	}
}

func TestPrivilegedCoversButOnlySo(t *testing.T) {
	policy := Policy{Path: "p", Allow: []Allow{{Rule: RulePrivileged, Callers: []string{"alice"}, Reason: "nested"}}}
	ask := func(r *Request) {
		r.Privileged, r.CapAdd = true, []string{"SYS_ADMIN"}
		r.SecurityOpt = []string{"seccomp=unconfined", "systempaths=unconfined"}
		r.Devices = []Device{{HostPath: "/dev/fuse", Kind: "c", Major: 10, Minor: 229}}
	}
	p, err := Compute(request(ask), policy, alice, testHost())
	if err != nil {
		t.Fatal(err)
	}
	if p.Namespaces.User != NamespaceOwn {
		t.Error("a privileged container is root of the host")
	}
	for _, x := range p.Relaxations {
		if x.Reason != "nested" {
			t.Errorf("%+v", x)
		}
	}
	_, err = Compute(request(func(r *Request) { ask(r); r.Namespaces = map[string]string{"pid": "host"} }), policy, alice, testHost())
	if got := Refusals(err); len(got) != 1 || got[0].Rule != RuleHostNamespace {
		t.Errorf("privileged gave the host's processes too: %v", err)
	}
}

func TestComputeIsPure(t *testing.T) {
	r, policy := request(func(r *Request) {
		r.Env, r.Args = make([]string, 0, 8), append(make([]string, 0, 8), "x")
		r.Sysctls = map[string]string{"net.core.somaxconn": "7"}
		r.Ports = []Port{{ContainerPort: 80}}
	}), Policy{}
	before := defaultSysctls()
	a, errA := Compute(r, policy, alice, testHost())
	b, errB := Compute(r, policy, alice, testHost())
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	a.Args[0], a.Env[0], a.MaskedPaths[0], a.Sysctls["x"] = "changed", "changed", "changed", "changed"
	if b.Args[0] != "x" || r.Args[0] != "x" || b.MaskedPaths[0] == "changed" || defaultMasked[0] == "changed" || len(b.Sysctls) != 3 || len(before) != 2 || r.Ports[0].HostIP.IsValid() {
		t.Error("two postures share memory")
	}
	if got := b.Network.Ports[0]; got.HostIP != netip.MustParseAddr("127.0.0.1") || got.Proto != "tcp" {
		t.Errorf("a port is published as %+v", got)
	}
}

func TestPortsWithoutNetwork(t *testing.T) {
	p, err := Compute(request(func(r *Request) { r.Network = "none"; r.Ports = []Port{{ContainerPort: 80}} }), Policy{}, alice, testHost())
	if err != nil || len(p.Network.Ports) != 0 || len(p.Notes) != 1 {
		t.Errorf("%v: %+v, notes %q", err, p.Network, p.Notes)
	}
}
