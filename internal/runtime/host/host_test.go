package host

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/runtime/cgroup"
)

// good is a machine that lacks nothing.
func good(t *testing.T) *machine {
	t.Helper()
	m := &machine{
		root: t.TempDir(), release: "6.1.0-18-amd64",
		cgroups: func() (cgroup.Host, error) {
			return cgroup.Host{Mode: cgroup.V2, Controllers: []string{"cpu", "memory", "pids"}, Swap: true}, nil
		},
		filesystem: func(string, string) error { return nil },
		pair:       func() error { return nil },
		idmap:      func(string) error { return nil },
	}
	for name, text := range map[string]string{
		"proc/meminfo":                           "MemTotal:       2048 kB\nMemFree:  1 kB\n",
		"proc/sys/user/max_user_namespaces":      "96365\n",
		"proc/sys/kernel/seccomp/actions_avail":  "kill errno allow\n",
		"proc/self/oom_score_adj":                "-500\n",
		"proc/swaps":                             "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n",
		"sys/devices/system/cpu/possible":        "0-3,8-11\n",
		"sys/module/apparmor/parameters/enabled": "Y\n",
		"sys/kernel/security/apparmor/.replace":  "",
		"sys/fs/selinux/enforce":                 "1",
		"proc/self/ns/time":                      "", "proc/self/ns/cgroup": "", "proc/self/ns/ipc": "", "proc/self/ns/mnt": "",
		"proc/self/ns/net": "", "proc/self/ns/pid": "", "proc/self/ns/user": "", "proc/self/ns/uts": "",
	} {
		m.set(t, name, text)
	}
	return m
}

func (m *machine) set(t *testing.T, name, text string) {
	t.Helper()
	p := filepath.Join(m.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) drop(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(m.root, name)); err != nil {
		t.Fatal(err)
	}
}

var errNo = errors.New("no")

func TestFacts(t *testing.T) {
	f := good(t).facts()
	if f.Memory != 2<<20 || f.PossibleCPUs != 12 || f.OOMScoreAdj != -500 || f.Kernel != "6.1.0-18-amd64" ||
		!f.AppArmor || !f.SELinux || !f.TimeNS || !f.NoSwapTmpfs || !f.IdmapOverlay || !f.CgroupV2 || !f.SwapAccounting ||
		f.NofileHard == 0 || f.CPUs != runtime.NumCPU() || !slices.Contains(f.KnownControllers, "memory") {
		t.Errorf("%+v", f)
	}
	bare := (&machine{
		root: t.TempDir(), cgroups: func() (cgroup.Host, error) { return cgroup.Host{}, errNo },
		filesystem: func(string, string) error { return errNo },
	}).facts()
	if bare.AppArmor || bare.SELinux || bare.TimeNS || bare.NoSwapTmpfs || bare.IdmapOverlay || bare.CgroupV2 || bare.Memory != 0 {
		t.Errorf("a machine that tells nothing: %+v", bare)
	}
}

func TestCheck(t *testing.T) {
	if p := good(t).check([]string{"/var/lib/bailey"}); len(p) != 0 {
		t.Errorf("a good machine: %+v", p)
	}
	for name, c := range map[string]struct {
		spoil func(m *machine)
		what  string
		fatal bool
	}{
		"user":       {func(m *machine) { m.euid = 1000 }, "rights of root", true},
		"old":        {func(m *machine) { m.release = "5.15.0-100-generic" }, "5.19", true},
		"no release": {func(m *machine) { m.release = "" }, "5.19", true},
		"no overlay": {func(m *machine) {
			m.filesystem = func(kind, _ string) error {
				if kind == "overlay" {
					return errNo
				}
				return nil
			}
		}, "overlayfs", true},
		"no seccomp":  {func(m *machine) { m.drop(t, "proc/sys/kernel/seccomp/actions_avail") }, "seccomp", true},
		"no user ns":  {func(m *machine) { m.drop(t, "proc/self/ns/user") }, "user namespaces", true},
		"no more ns":  {func(m *machine) { m.set(t, "proc/sys/user/max_user_namespaces", "0\n") }, "user namespaces", true},
		"no pair":     {func(m *machine) { m.pair = func() error { return errNo } }, "namespaces", true},
		"no idmap":    {func(m *machine) { m.idmap = func(string) error { return errNo } }, "/data", true},
		"no cgroups":  {func(m *machine) { m.cgroups = func() (cgroup.Host, error) { return cgroup.Host{}, errNo } }, "control groups", true},
		"no time ns":  {func(m *machine) { m.drop(t, "proc/self/ns/time") }, "time", false},
		"no noswap":   {func(m *machine) { m.filesystem = noFlags }, "swapped", false},
		"no swap acc": {func(m *machine) { m.cgroups = controllers("cpu", "memory", "pids") }, "swap", false},
	} {
		t.Run(name, func(t *testing.T) {
			m := good(t)
			c.spoil(m)
			p := m.check([]string{"/data"})
			if len(p) != 1 || p[0].Fatal != c.fatal || !strings.Contains(p[0].What, c.what) || p[0].Why == "" || p[0].Mend == "" {
				t.Errorf("%+v", p)
			}
		})
	}
	m := good(t)
	m.cgroups = controllers()
	m.release = "4.19"
	if p := m.check(nil); len(p) != 5 || !p[0].Fatal || p[1].Fatal {
		t.Errorf("fatal ones first: %+v", p)
	}
}

func noFlags(_, flag string) error {
	if flag != "" {
		return errNo
	}
	return nil
}

func controllers(names ...string) func() (cgroup.Host, error) {
	return func() (cgroup.Host, error) { return cgroup.Host{Mode: cgroup.V1, Controllers: names}, nil }
}

func TestNewerThan(t *testing.T) {
	for release, want := range map[string]bool{
		"5.19": true, "5.19.0-rc1": true, "5.19-rc1": true, "5.18.99": false, "6.0": true, "10.1": true, "4.20": false,
		"": false, "x.y": false, "5": false, "6.18.44-fc-v595": true,
	} {
		if got := (&machine{release: release}).newerThan(5, 19); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}

// The machine that the tests run on, as root, can run containers.
func TestThisMachine(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a node needs root")
	}
	for _, p := range Check(t.TempDir()) {
		if p.Fatal {
			t.Skipf("this machine lacks %s, which %s needs: %s", p.What, p.Why, p.Mend)
		}
		t.Logf("%+v", p)
	}
	f := Facts()
	t.Logf("%+v", f)
	if f.Memory < 1<<26 || f.CPUs < 1 || f.Kernel == "" || len(f.KnownControllers) == 0 || !f.IdmapOverlay {
		t.Errorf("%+v", f)
	}
	if p := Check("/proc/sys"); len(p) == 0 || !p[0].Fatal || !strings.Contains(p[0].What, "/proc/sys") {
		t.Errorf("layers on a file system without idmapped mounts: %+v", p)
	}
}
