package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const hybridMounts = `25 30 0:23 / /sys rw,nosuid shared:2 - sysfs sysfs rw
31 25 0:28 / TOP ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
32 31 0:29 / TOP/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate
33 31 0:30 / TOP/systemd rw,nosuid shared:11 - cgroup cgroup rw,xattr,name=systemd
34 31 0:31 / TOP/cpu,cpuacct rw,nosuid shared:12 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /docker/abc TOP/memory rw,nosuid shared:13 - cgroup cgroup rw,memory
36 31 0:33 / TOP/pids rw - cgroup cgroup rw,pids
37 31 0:33 / /somewhere/else/pids rw - cgroup cgroup rw,pids
`

const hybridOwn = `12:pids:/system.slice/bailey.service
5:memory:/docker/abc/inner
4:cpu,cpuacct:/
1:name=systemd:/system.slice/bailey.service
0::/system.slice/bailey.service
`

func TestParseLayoutHybrid(t *testing.T) {
	l, err := parseLayout(strings.ReplaceAll(hybridMounts, "TOP", mountPoint), hybridOwn, mountPoint)
	if err != nil {
		t.Fatal(err)
	}
	want := []hierarchy{
		{mount: mountPoint + "/systemd", own: "/"},
		{mount: mountPoint + "/cpu,cpuacct", controllers: []string{"cpu", "cpuacct"}, own: "/"},
		{mount: mountPoint + "/memory", controllers: []string{"memory"}, own: "/inner"},
		{mount: mountPoint + "/pids", controllers: []string{"pids"}, own: "/system.slice/bailey.service"},
		{mount: mountPoint + "/unified", unified: true, own: "/system.slice/bailey.service"},
	}
	if l.mode != Hybrid || !reflect.DeepEqual(l.trees, want) {
		t.Errorf("%v %+v\nwant %+v", l.mode, l.trees, want)
	}
	if h := l.host(); !slices.Equal(h.Controllers, []string{"cpu", "cpuacct", "memory", "pids"}) {
		t.Errorf("controllers %v", h.Controllers)
	}
}

func TestParseLayoutModes(t *testing.T) {
	v1 := strings.ReplaceAll(hybridMounts, "cgroup2", "tmpfs")
	for name, c := range map[string]struct {
		mounts string
		mode   Mode
	}{
		"v1":            {v1, V1},
		"v2":            {"31 25 0:28 / TOP rw - cgroup2 cgroup2 rw", V2},
		"v2, noisy":     {"broken\n\n31 25 0:28 / TOP rw - cgroup2 cgroup2 rw\n31 25 0:28 / TOP", V2},
		"nothing":       {"31 25 0:28 / TOP rw - tmpfs tmpfs rw", 0},
		"only unified":  {"32 31 0:29 / TOP/unified rw - cgroup2 cgroup2 rw", 0},
		"only named":    {"32 31 0:29 / TOP/systemd rw - cgroup cgroup rw,name=systemd", 0},
		"v2 elsewhere":  {"31 25 0:28 / /mnt/cgroup rw - cgroup2 cgroup2 rw", 0},
		"too deep":      {"31 25 0:28 / TOP/a/memory rw - cgroup cgroup rw,memory", 0},
		"escaped blank": {`31 25 0:28 / TOP/my\040memory rw - cgroup cgroup rw,memory`, V1},
	} {
		l, err := parseLayout(strings.ReplaceAll(c.mounts, "TOP", mountPoint), "", mountPoint)
		if l.mode != c.mode || (err == nil) != (c.mode != 0) {
			t.Errorf("%s: %v %v, want %v", name, l.mode, err, c.mode)
		}
		if err != nil && !errors.Is(err, errNotMounted) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseLayout(f *testing.F) {
	f.Add(hybridMounts, hybridOwn)
	f.Fuzz(func(t *testing.T, mounts, own string) {
		l, err := parseLayout(mounts, own, "TOP")
		if err != nil {
			return
		}
		for _, tree := range l.trees {
			if !strings.HasPrefix(tree.own, "/") || strings.Contains(tree.own+"/", "/../") {
				t.Fatalf("own group %q", tree.own)
			}
		}
	})
}

// fixture writes files below a temporary directory and returns it.
func fixture(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestOpenV2EnablesControllers(t *testing.T) {
	top := fixture(t, map[string]string{
		"cgroup.controllers":                         "cpuset memory rdma",
		"cgroup.subtree_control":                     "cpuset",
		"bailey-n1/cgroup.controllers":               "pids",
		"bailey-n1/cgroup.subtree_control":           "",
		"bailey-n1/" + supervisors + "/cgroup.procs": "",
	})
	m, err := open("n1", layout{mode: V2, trees: []hierarchy{{mount: top, unified: true, own: "/"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, top+"/cgroup.subtree_control"); got != "+memory" { // the fixture keeps the last write
		t.Errorf("top: %q", got)
	}
	if got := content(t, top+"/bailey-n1/cgroup.subtree_control"); got != "+pids" {
		t.Errorf("node: %q", got)
	}
	if got := m.Path("abc"); got != "/bailey-n1/abc" {
		t.Errorf("path %s", got)
	}
}

func TestDelegated(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("marking a group as delegated needs root")
	}
	top := fixture(t, map[string]string{"system.slice/bailey.service/daemon/cgroup.procs": ""})
	mark := func(group, value string) {
		t.Helper()
		if err := setxattr(top+group, "trusted.delegate", value); err != nil {
			t.Skipf("this file system keeps no trusted attributes: %v", err)
		}
	}
	mark("/system.slice/bailey.service", "1")
	mark("/system.slice", "0")
	for own, want := range map[string]string{
		"/system.slice/bailey.service/daemon": "/system.slice/bailey.service",
		"/system.slice/bailey.service":        "/", // no group for the node itself
		"/":                                   "/",
		"/user.slice/x/y":                     "/",
	} {
		if got := delegated(&hierarchy{mount: top, unified: true, own: own}); got != want {
			t.Errorf("from %s: %s, want %s", own, got, want)
		}
	}
}
