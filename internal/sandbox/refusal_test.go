package sandbox

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// relaxation is a request for one, with the rule and control it belongs to
// and a look at the posture that has it.
type relaxation struct {
	rule, control string
	ask           func(*Request)
	has           func(Posture) bool
}

func option(text string) func(*Request) {
	return func(r *Request) { r.SecurityOpt = []string{text} }
}

func mode(kind, value string) func(*Request) {
	return func(r *Request) { r.Namespaces = map[string]string{kind: value} }
}

func mount(m Mount) func(*Request) { return func(r *Request) { r.Mounts = []Mount{m} } }

func resources(change func(*Resources)) func(*Request) {
	return func(r *Request) { change(&r.Resources) }
}

var other = NamespaceJoin + strings.Repeat("e", 64)

var relaxations = map[string]relaxation{
	"privileged":          {RulePrivileged, ControlCapabilities, func(r *Request) { r.Privileged = true }, func(p Posture) bool { return p.Privileged && len(p.MaskedPaths) == 0 }},
	"cap-add":             {RuleCapAdd, ControlCapabilities, func(r *Request) { r.CapAdd = []string{"sys_admin"} }, func(p Posture) bool { return slices.Contains(p.Capabilities.Root, "CAP_SYS_ADMIN") }},
	"cap-add all":         {RuleCapAdd, ControlCapabilities, func(r *Request) { r.CapAdd = []string{"ALL"} }, func(p Posture) bool { return len(p.Capabilities.Root) == len(knownCapabilities) }},
	"cap-add for a user":  {RuleCapAdd, ControlCapabilities, func(r *Request) { r.Identity.UID = 7; r.CapAdd = []string{"NET_RAW"} }, func(p Posture) bool { return slices.Equal(p.Capabilities.User, []string{"CAP_NET_RAW"}) }},
	"no-new-privileges":   {RuleSecurityOpt, ControlNoNewPrivileges, option("no-new-privileges:false"), func(p Posture) bool { return !p.NoNewPrivileges && p.Root.Setuid }},
	"seccomp unconfined":  {RuleSecurityOpt, ControlSeccomp, option("seccomp=unconfined"), func(p Posture) bool { return p.Seccomp.Mode == ModeUnconfined }},
	"seccomp of old":      {RuleSecurityOpt, ControlSeccomp, option("seccomp:unconfined"), func(p Posture) bool { return p.Seccomp.Mode == ModeUnconfined }},
	"seccomp custom":      {RuleSecurityOpt, ControlSeccomp, option(`seccomp={"defaultAction":"SCMP_ACT_ALLOW"}`), func(p Posture) bool { return p.Seccomp.Mode == ModeCustom }},
	"seccomp group":       {RuleSeccomp, ControlSeccomp, option("syscalls=+io-uring"), func(p Posture) bool { return slices.Equal(p.Seccomp.Opened, []string{"io-uring"}) }},
	"apparmor unconfined": {RuleSecurityOpt, ControlLSM, option("apparmor=unconfined"), func(p Posture) bool { return p.AppArmor.Mode == ModeUnconfined }},
	"apparmor other":      {RuleSecurityOpt, ControlLSM, option(`apparmor=my\"own"`), func(p Posture) bool { return p.AppArmor.Profile == `my\"own"` }},
	"label disable":       {RuleSecurityOpt, ControlLSM, option("label=disable"), func(p Posture) bool { return p.SELinux.Mode == ModeUnconfined }},
	"label type":          {RuleSecurityOpt, ControlLSM, option("label=type:spc_t"), func(p Posture) bool { return p.SELinux.Type == "spc_t" }},
	"label level":         {RuleSecurityOpt, ControlLSM, option("label=level:s0:c1"), func(p Posture) bool { return p.SELinux.Level == "s0:c1" }},
	"systempaths":         {RuleUnmaskedPaths, ControlProcSys, option("systempaths=unconfined"), func(p Posture) bool { return len(p.MaskedPaths)+len(p.ReadonlyPaths) == 0 }},
	"unmasked path": {RuleUnmaskedPaths, ControlProcSys, func(r *Request) {
		list := slices.DeleteFunc(slices.Clone(defaultMasked), func(p string) bool { return p == "/proc/kcore" })
		r.MaskedPaths = &list
	}, func(p Posture) bool { return !slices.Contains(p.MaskedPaths, "/proc/kcore") }},
	"writable path": {RuleUnmaskedPaths, ControlProcSys, func(r *Request) {
		list := []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger"}
		r.ReadonlyPaths = &list
	}, func(p Posture) bool { return !slices.Contains(p.ReadonlyPaths, "/proc/sys") }},
	"writable cgroups":   {RuleSecurityOpt, ControlCgroupFS, option("writable-cgroups=true"), func(p Posture) bool { return p.WritableCgroups }},
	"memory files":       {RuleSecurityOpt, ControlMemoryFiles, option("memfd=exec"), func(p Posture) bool { return p.MemoryFilesExec && !p.deniesMemoryFiles() }},
	"writable root":      {RuleWritableRoot, ControlRoot, option("rootfs=writable"), func(p Posture) bool { return p.Root.Writable && p.Root.SizeBytes == DefaultDisk }},
	"pid host":           {RuleHostNamespace, ControlPIDNS, mode("pid", "host"), func(p Posture) bool { return p.Namespaces.PID == NamespaceHost }},
	"ipc host":           {RuleHostNamespace, ControlIPCNS, mode("ipc", "host"), func(p Posture) bool { return p.Namespaces.IPC == NamespaceHost }},
	"uts host":           {RuleHostNamespace, ControlUTSNS, mode("uts", "host"), func(p Posture) bool { return p.Namespaces.UTS == NamespaceHost && p.Hostname == "" }},
	"cgroup host":        {RuleHostNamespace, ControlCgroupNS, mode("cgroup", "host"), func(p Posture) bool { return p.Namespaces.Cgroup == NamespaceHost }},
	"user host":          {RuleHostNamespace, ControlUserNS, mode("user", "host"), func(p Posture) bool { return p.Namespaces.User == NamespaceHost }},
	"time host":          {RuleHostNamespace, ControlTimeNS, mode("time", "host"), func(p Posture) bool { return p.Namespaces.Time == NamespaceHost }},
	"network host":       {RuleHostNamespace, ControlNetwork, func(r *Request) { r.Network = "host" }, func(p Posture) bool { return p.Namespaces.Network == NamespaceHost && len(p.Sysctls) == 0 }},
	"pid joined":         {RuleJoinNamespace, ControlPIDNS, mode("pid", other), func(p Posture) bool { return p.Namespaces.PID == other && p.Namespaces.User == other }},
	"network joined":     {RuleJoinNamespace, ControlNetwork, func(r *Request) { r.Network = other }, func(p Posture) bool { return p.Namespaces.Network == other && p.Namespaces.User == other }},
	"ipc joined":         {RuleJoinNamespace, ControlIPCNS, mode("ipc", other), func(p Posture) bool { return p.Namespaces.IPC == other }},
	"device":             {RuleDevice, ControlDevices, func(r *Request) { r.Devices = []Device{{HostPath: "/dev/fuse", Kind: "c", Major: 10, Minor: 229}} }, func(p Posture) bool { return len(p.Devices) == 1 && len(p.DeviceRules) == 1 }},
	"device rule":        {RuleDeviceCgroupRule, ControlDevices, func(r *Request) { r.DeviceCgroupRules = []string{"c 188:* rw"} }, func(p Posture) bool { return len(p.DeviceRules) == 1 && p.DeviceRules[0].Minor == -1 }},
	"host mount":         {RuleHostMount, ControlHostMounts, mount(Mount{Type: MountBind, Source: "/srv/x", Target: "/x"}), func(p Posture) bool { return !mountAt(p, "/x").ReadOnly }},
	"host mount to read": {RuleHostMount, ControlHostMounts, mount(Mount{Type: MountBind, Source: "/srv/y", Target: "/x", Options: []string{"ro"}}), func(p Posture) bool { return mountAt(p, "/x").ReadOnly }},
	"exec mount":         {RuleMountOption, ControlMountOptions, mount(Mount{Type: MountVolume, Source: "v", Target: "/v", Options: []string{"exec"}}), func(p Posture) bool { return mountAt(p, "/v").Exec }},
	"suid mount":         {RuleMountOption, ControlMountOptions, mount(Mount{Type: MountVolume, Source: "v", Target: "/v", Options: []string{"suid"}}), func(p Posture) bool { return mountAt(p, "/v").Suid }},
	"dev mount":          {RuleMountOption, ControlMountOptions, mount(Mount{Type: MountTmpfs, Target: "/v", Options: []string{"dev"}}), func(p Posture) bool { return mountAt(p, "/v").Dev }},
	"sysctl":             {RuleSysctl, ControlSysctls, func(r *Request) { r.Sysctls = map[string]string{"net.ipv4.ip_forward": "1"} }, func(p Posture) bool { return p.Sysctls["net.ipv4.ip_forward"] == "1" }},
	"memory":             {RuleLimit, ControlMemory, resources(func(r *Resources) { r.Memory = -1 }), func(p Posture) bool { return p.Limits.Memory == -1 }},
	"swap":               {RuleLimit, ControlSwap, resources(func(r *Resources) { r.Memory, r.MemorySwap = gib, 2*gib }), func(p Posture) bool { return p.Limits.Swap == gib }},
	"swap unlimited":     {RuleLimit, ControlSwap, resources(func(r *Resources) { r.MemorySwap = -1 }), func(p Posture) bool { return p.Limits.Swap == -1 }},
	"pids":               {RuleLimit, ControlPids, resources(func(r *Resources) { r.PidsLimit = -1 }), func(p Posture) bool { return p.Limits.Pids == -1 }},
	"pids by absurdity":  {RuleLimit, ControlPids, resources(func(r *Resources) { r.PidsLimit = 4_000_000 }), func(p Posture) bool { return p.Limits.Pids == 4_000_000 }},
	"oom-kill-disable":   {RuleLimit, ControlOOM, resources(func(r *Resources) { r.OomKillDisable = true }), func(p Posture) bool { return p.Limits.OOMKillDisable }},
	"oom-score-adj":      {RuleLimit, ControlOOM, func(r *Request) { r.OomScoreAdj = -500 }, func(p Posture) bool { return p.Limits.OOMScoreAdj == -500 }},
	"real time":          {RuleLimit, ControlCPU, resources(func(r *Resources) { r.CPURealtime, r.CPURealtimePeriod = 1000, 10000 }), func(p Posture) bool { return p.Limits.CPURealtime == 1000 }},
	"nofile":             {RuleLimit, ControlNofile, ulimitOf("nofile", 1<<20), func(p Posture) bool { return rlimit(p, "nofile") == "1048576" }},
	"core":               {RuleLimit, ControlCore, ulimitOf("core", -1), func(p Posture) bool { return rlimit(p, "core") == "no limit" }},
	"memlock":            {RuleLimit, ControlUlimits, ulimitOf("MEMLOCK", -1), func(p Posture) bool { return rlimit(p, "memlock") == "no limit" }},
	"rtprio":             {RuleLimit, ControlUlimits, ulimitOf("rtprio", 99), func(p Posture) bool { return rlimit(p, "rtprio") == "99" }},
	"volume":             {RuleLimit, ControlDisk, mount(Mount{Type: MountVolume, Source: "data", Target: "/data", SizeBytes: -1}), func(p Posture) bool { return volumeOf(p, "/data").SizeBytes == -1 }},
	"volume of before":   {RuleLimit, ControlDisk, mount(Mount{Type: MountVolume, Source: "data", Target: "/data", SizeBytes: -1, Exists: true}), func(p Posture) bool { return volumeOf(p, "/data").SizeBytes == -1 }},
	"log":                {RuleLimit, ControlLog, func(r *Request) { r.Log.MaxSizeBytes = -1 }, func(p Posture) bool { return p.Limits.Log.MaxSizeBytes == -1 }},
	"cgroup parent":      {RuleCgroupParent, ControlCgroupParent, func(r *Request) { r.CgroupParent = "/batch" }, func(p Posture) bool { return p.CgroupParent == "/batch" }},
	"runtime":            {RuleRuntime, ControlRuntime, func(r *Request) { r.Runtime = "kata" }, func(p Posture) bool { return p.Runtime == "kata" }},
	"annotation":         {RuleAnnotation, ControlRuntime, func(r *Request) { r.Annotations = map[string]string{"run.oci.keep_original_groups": "1"} }, func(p Posture) bool { return len(p.Annotations) == 1 }},
	"propagation": {RuleMountOption, ControlMountOptions, func(r *Request) {
		r.Mounts = []Mount{{Type: MountBind, Source: "/srv/x", Target: "/x", Propagation: "rslave"}}
	}, func(p Posture) bool { return mountAt(p, "/x").Propagation == "rslave" }},
}

func ulimitOf(name string, value int64) func(*Request) {
	return func(r *Request) { r.Ulimits = []Ulimit{{Name: name, Soft: value, Hard: value}} }
}

func mountAt(p Posture, target string) PostureMount {
	for _, m := range p.Mounts {
		if m.Target == target {
			return m
		}
	}
	return PostureMount{}
}

// Every relaxation is refused without a policy, and the lines that the
// refusal says to add are what it takes, for this caller and no other.
func TestRefusalsMend(t *testing.T) {
	host := testHost()
	host.SELinux = true
	for name, x := range relaxations {
		t.Run(name, func(t *testing.T) {
			r := request(x.ask)
			_, err := Compute(r, Policy{}, alice, host)
			refusals := Refusals(err)
			if len(refusals) == 0 || !slices.ContainsFunc(refusals, func(r *RefusalError) bool { return r.Rule == x.rule }) {
				t.Fatalf("not refused by rule %s: %v", x.rule, err)
			}
			var lines strings.Builder
			for _, refusal := range refusals {
				if refusal.What == "" || refusal.Why == "" {
					t.Errorf("a refusal without what or why: %+v", refusal)
				}
				lines.WriteString(refusal.Mend[strings.Index(refusal.Mend, "[["):] + "\n")
			}
			policy, err := ParsePolicy("p.toml", []byte(lines.String()))
			if err != nil {
				t.Fatalf("the policy that the refusal proposes: %v\n%s", err, lines.String())
			}
			p, err := Compute(r, policy, alice, host)
			if err != nil {
				t.Fatalf("refused with the proposed policy:\n%s\n%v", lines.String(), err)
			}
			if !x.has(p) {
				t.Errorf("allowed, but not in the posture: %+v", p)
			}
			checkRow(t, p, x.control)
			if _, err := Compute(r, policy, Caller{UID: 1001, User: "bob", Groups: []string{"ops"}}, host); len(Refusals(err)) == 0 {
				t.Errorf("what alice may, bob may too (%v)", err)
			}
			checkSpec(t, p)
		})
	}
}

// checkRow wants the control of a relaxation shown as relaxed, with who and why.
func checkRow(t *testing.T, p Posture, control string) {
	t.Helper()
	for _, c := range p.Controls() {
		if c.Relaxed != (c.AllowedBy != "" && c.Reason != "") {
			t.Errorf("%+v", c)
		}
		if c.Control == control && (!c.Relaxed || c.Actual == c.Default || !strings.HasPrefix(c.AllowedBy, "p.toml: [[") || !strings.HasSuffix(c.AllowedBy, "for alice")) {
			t.Errorf("the relaxed control is shown as %+v", c)
		}
	}
}

// checkSpec wants a spec that can be written down.
func checkSpec(t *testing.T, p Posture) {
	t.Helper()
	b := testBinding()
	b.JoinPaths = map[string]string{"pid": "/run/x/pid", "ipc": "/run/x/ipc"}
	for _, m := range p.Mounts {
		b.MountSources[m.Target] = "/var/lib/x"
	}
	spec, err := Spec(p, b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(spec); err != nil {
		t.Fatal(err)
	}
}

// What a relaxation changes, and nothing else, is relaxed.
func TestRelaxationsStayApart(t *testing.T) {
	p, err := Compute(request(option("rootfs=writable")), testPolicy(t), alice, testHost())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Controls() {
		if c.Relaxed != (c.Control == ControlRoot) {
			t.Errorf("%+v", c)
		}
	}
}

// Options that tighten, or that every client sends, ask for nothing.
func TestNoRelaxation(t *testing.T) {
	tighter := map[string]func(*Request){
		"docker's defaults": func(r *Request) {
			r.Namespaces = map[string]string{"ipc": "private", "cgroup": "private", "pid": "", "network": "default"}
			r.Resources.MemorySwappiness = new(int64)
		},
		"no-new-privileges":      option("no-new-privileges"),
		"no-new-privileges:true": option("no-new-privileges:true"),
		"seccomp builtin":        option("seccomp=builtin"),
		"apparmor default":       option("apparmor=docker-default"),
		"cap-drop all":           func(r *Request) { r.CapDrop = []string{"ALL"} },
		"drop all, add one":      func(r *Request) { r.CapDrop, r.CapAdd = []string{"all"}, []string{"NET_BIND_SERVICE"} },
		"user":                   func(r *Request) { r.Identity = Identity{UID: 65534, GID: 65534} },
		"init":                   func(r *Request) { r.Init = true },
		"tmpfs":                  mount(Mount{Type: MountTmpfs, Target: "/cache", Options: []string{"noexec", "nosuid"}}),
		"volume":                 mount(Mount{Type: MountVolume, Source: "v", Target: "/v"}),
		"read-only volume":       mount(Mount{Type: MountVolume, Source: "v", Target: "/v", ReadOnly: true}),
		"more memory":            resources(func(r *Resources) { r.Memory = 4 * gib }),
		"memory without swap":    resources(func(r *Resources) { r.Memory, r.MemorySwap = gib, gib }),
		"more pids":              resources(func(r *Resources) { r.PidsLimit = 2000 }),
		"less of everything":     resources(func(r *Resources) { r.Memory, r.PidsLimit, r.NanoCPUs = 32*mib, 10, 5e8 }),
		"safe sysctl":            func(r *Request) { r.Sysctls = map[string]string{"net.core.somaxconn": "1024"} },
		"tighter ulimits": func(r *Request) {
			r.Ulimits = []Ulimit{{"nofile", 10, 20}, {"nproc", 5, 5}, {"core", 0, 0}, {"stack", -1, -1}}
		},
		"a network":             func(r *Request) { r.Network = "shop" },
		"no network":            func(r *Request) { r.Network = "none" },
		"no IPC":                mode("ipc", "none"),
		"easier to end":         func(r *Request) { r.OomScoreAdj = 1000 },
		"smaller log":           func(r *Request) { r.Log = LogLimits{MaxSizeBytes: mib, MaxFiles: 1} },
		"masking more":          func(r *Request) { l := append(slices.Clone(defaultMasked), "/proc/uptime"); r.MaskedPaths = &l },
		"docker's masked paths": dockerMasked,
	}
	for name, ask := range tighter {
		t.Run(name, func(t *testing.T) {
			p, err := Compute(request(ask), Policy{}, Caller{UID: 1}, testHost())
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Relaxations) > 0 {
				t.Errorf("relaxations: %+v", p.Relaxations)
			}
			checkSpec(t, p)
		})
	}
}

// dockerMasked is the list that a client sends who adds one path to Docker's.
func dockerMasked(r *Request) {
	list := []string{"/proc/uptime"}
	for p := range dockerLists {
		list = append(list, p)
	}
	r.MaskedPaths = &list
}

func TestDockerListsKeepOurs(t *testing.T) {
	p, err := Compute(request(dockerMasked), Policy{}, alice, testHost())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(slices.Clone(defaultMasked), "/proc/uptime") {
		if !slices.Contains(p.MaskedPaths, path) {
			t.Errorf("%s is no longer masked", path)
		}
	}
}

// Some host paths no policy can give.
func TestNeverMounted(t *testing.T) {
	policy := Policy{HostMounts: []HostMount{{Path: "/", Callers: []string{"*"}, Reason: "all"}}}
	for _, source := range []string{
		"/", "/etc", "/etc/passwd", "/dev", "/dev/sda", "/proc", "/proc/1/root", "/sys", "/sys/fs/cgroup", "/run", "/run/docker.sock",
		"/var", "/var/run", "/var/run/x", "/var/lib", "/boot", "/boot/grub", "/root", "/root/.ssh", "/var/lib/docker/overlay2",
		"/srv", "/srv/bailey", "/srv/bailey/containers", "/home/alice/docker.sock", "/opt/x/bailey.sock", "/tmp/podman.sock",
	} {
		for _, readOnly := range []bool{false, true} {
			_, err := Compute(request(mount(Mount{Type: MountBind, Source: source, Target: "/x", ReadOnly: readOnly})), policy, alice, testHost())
			if got := Refusals(err); len(got) != 1 || got[0].Rule != RuleHostMount || strings.Contains(got[0].Mend, "[[") {
				t.Errorf("%s: %v", source, err)
			}
		}
	}
	for _, source := range []string{"/srvx", "/home/alice", "/etcetera", "/mnt/etc"} {
		if _, err := Compute(request(mount(Mount{Type: MountBind, Source: source, Target: "/x"})), policy, alice, testHost()); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
	for _, source := range []string{"srv", "/srv/../etc", "/srv/", "/srv//x", "/srv/\n", ""} {
		var invalid *InvalidError
		if _, err := Compute(request(mount(Mount{Type: MountBind, Source: source, Target: "/x"})), policy, alice, testHost()); !errors.As(err, &invalid) {
			t.Errorf("%q: %v", source, err)
		}
	}
}

func TestHostMountReadOnly(t *testing.T) {
	try := func(source string, readOnly bool, caller Caller) error {
		_, err := Compute(request(mount(Mount{Type: MountBind, Source: source, Target: "/x", ReadOnly: readOnly})), testPolicy(t), caller, testHost())
		return err
	}
	if err := try("/srv/data", true, alice); err != nil {
		t.Error(err)
	}
	if err := try("/srv/data/upload/1", false, alice); err != nil {
		t.Errorf("the entry below it allows writing: %v", err)
	}
	if err := try("/srv/data", false, alice); len(Refusals(err)) != 1 || !strings.Contains(err.Error(), ":ro") {
		t.Errorf("writing where reading is allowed: %v", err)
	}
	if err := try("/srv/data", true, Caller{User: "bob"}); len(Refusals(err)) != 1 {
		t.Errorf("another caller: %v", err)
	}
	if err := try("/srv/database", true, alice); len(Refusals(err)) != 1 {
		t.Errorf("a path that only begins alike: %v", err)
	}
	writable := Policy{HostMounts: []HostMount{{Path: "/usr/share", Callers: []string{"*"}, Reason: "r"}}}
	if _, err := Compute(request(mount(Mount{Type: MountBind, Source: "/usr/share", Target: "/x"})), writable, alice, testHost()); len(Refusals(err)) != 1 {
		t.Errorf("programs of the host for writing: %v", err)
	}
}

// Several refusals come together, so that one look shows all that is asked for.
func TestRefusalsComeTogether(t *testing.T) {
	_, err := Compute(request(func(r *Request) {
		r.CapAdd, r.Namespaces, r.Runtime = []string{"NET_RAW", "SYS_TIME"}, map[string]string{"pid": "host"}, "x"
	}), Policy{}, Caller{UID: 12}, testHost())
	if got := Refusals(err); len(got) != 4 || !strings.Contains(got[0].Mend, `callers = ["uid:12"]`) {
		t.Errorf("%d refusals: %v", len(got), err)
	}
	if Refusals(nil) != nil || Refusals(errors.New("x")) != nil {
		t.Error("refusals out of nothing")
	}
}
