package sandbox

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests here run the posture under a real OCI runtime: the one that
// BAILEY_TEST_RUNC names, the one that is built with Bailey, or a runc of the
// PATH. The program inside is this very test binary, which TestMain turns
// into a probe.

const testIDBase = 0x7ffe0000

// ociRuntime finds the runtime, or skips naming what is missing.
func ociRuntime(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: an OCI runtime that joins cgroups and maps user ids")
	}
	for _, name := range []string{os.Getenv("BAILEY_TEST_RUNC"), "../runtime/payload/bin/bailey-runc", "runc"} {
		path, err := exec.LookPath(name)
		if name == "" || err != nil {
			continue
		}
		if path, err = filepath.Abs(path); err != nil {
			t.Fatal(err)
		}
		if version := runcVersion(path); version != "" && version < "1.5.2" {
			t.Skipf("%s is runc %s, without time namespaces and with known holes: build Bailey's, or set BAILEY_TEST_RUNC", path, version)
		}
		return path
	}
	t.Skip("no OCI runtime: build Bailey's, set BAILEY_TEST_RUNC, or install runc")
	return ""
}

// runcVersion is "" for another runtime. Versions are compared as text until runc 1.10.
func runcVersion(path string) string {
	out, _ := exec.Command(path, "--version").Output()
	var version string
	_, _ = fmt.Sscanf(string(out), "runc version %s", &version)
	return version
}

// testFacts are those of the machine that the test runs on.
func testFacts(t *testing.T) HostFacts {
	t.Helper()
	exists := func(path string) bool { _, err := os.Stat(path); return err == nil }
	var nofile syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &nofile); err != nil {
		t.Fatal(err)
	}
	score, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	f := HostFacts{
		Memory: 4 * gib, CPUs: runtime.NumCPU(), Architecture: runtime.GOARCH, NofileHard: nofile.Max,
		CgroupV2:       exists("/sys/fs/cgroup/cgroup.controllers"),
		SwapAccounting: exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"),
		TimeNS:         exists("/proc/self/ns/time"),
	}
	f.OOMScoreAdj, _ = strconv.Atoi(strings.TrimSpace(string(score)))
	return f
}

// bundle is one container for an OCI runtime.
type bundle struct {
	t       *testing.T
	runtime string
	dir, id string
}

// newBundle makes a root file system owned by the container's root, with the
// test binary as /probe and the mount points of the posture.
func newBundle(t *testing.T, p Posture, change func(*Binding)) *bundle {
	t.Helper()
	b := &bundle{t: t, runtime: ociRuntime(t), dir: t.TempDir(), id: fmt.Sprintf("bailey-sandbox-test-%d-%d", os.Getpid(), len(t.Name()))}
	// The container's root is nobody on the host, and must get through.
	for dir := b.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(b.dir, "rootfs")
	for _, d := range []string{"etc", "bin"} {
		b.must(os.MkdirAll(filepath.Join(root, d), 0o755))
	}
	for _, m := range p.MountPoints() {
		b.must(os.MkdirAll(filepath.Join(root, m.Path), 0o755))
	}
	self, err := os.Executable()
	b.must(err)
	if f, err := elf.Open(self); err != nil || slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Skip("the test binary needs a dynamic loader, which the bundle has not: test without -race")
	}
	text, err := os.ReadFile(self)
	b.must(err)
	b.must(os.WriteFile(filepath.Join(root, "probe"), text, 0o755))
	b.must(filepath.Walk(root, func(path string, _ os.FileInfo, err error) error {
		return errors.Join(err, os.Lchown(path, testIDBase, testIDBase))
	}))
	binding := Binding{IDBase: testIDBase, RootfsPath: root, CgroupPath: "/" + b.id, MountSources: map[string]string{}, MapMounts: true}
	if strings.Contains(filepath.Base(b.runtime), "crun") {
		binding.OCIVersion = "1.0.2"
	}
	if change != nil {
		change(&binding)
	}
	spec, err := Spec(p, binding)
	b.must(err)
	config, err := json.Marshal(spec)
	b.must(err)
	b.must(os.WriteFile(filepath.Join(b.dir, "config.json"), config, 0o600))
	return b
}

func (b *bundle) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// run runs the container to its end and returns what it wrote.
func (b *bundle) run() (stdout string, state *os.ProcessState) {
	b.t.Helper()
	var out, errs bytes.Buffer
	root := filepath.Join(b.dir, "state")
	limit, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	// Whatever became of it, the container and its cgroup go.
	defer func() { _ = exec.Command(b.runtime, "--root", root, "delete", "--force", b.id).Run() }()
	cmd := exec.CommandContext(limit, b.runtime, "--root", root, "run", "--bundle", b.dir, b.id)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatal(err)
	}
	if errs.Len() > 0 {
		b.t.Logf("%s wrote: %s", filepath.Base(b.runtime), errs.String())
	}
	return out.String(), cmd.ProcessState
}

// observe runs the probe under a posture and returns what it saw.
func observe(t *testing.T, r Request, policy Policy, change func(*Binding)) observation {
	t.Helper()
	r.ID, r.Args = strings.Repeat("f", 64), []string{"/probe"}
	r.Env = append(r.Env, probeVariable+"=observe")
	ociRuntime(t)
	p, err := Compute(r, policy, Caller{User: "root"}, testFacts(t))
	if err != nil {
		t.Fatal(err)
	}
	out, state := newBundle(t, p, change).run()
	var seen observation
	if err := json.Unmarshal([]byte(out), &seen); err != nil {
		t.Fatalf("the probe ended with %v and wrote %q", state, out)
	}
	return seen
}

func TestRealDefault(t *testing.T) {
	seen := observe(t, Request{}, Policy{}, nil)
	for field, want := range map[string]string{
		"CapEff": "00000000000004fb", "CapBnd": "00000000000004fb", "CapPrm": "00000000000004fb",
		"CapInh": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2",
	} {
		if got := seen.Status[field]; got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	for call, want := range deniedCalls {
		if got := seen.Calls[call]; got != want.errno.Error() {
			t.Errorf("%s: %s, want %s", call, got, want.errno)
		}
	}
	for path, want := range map[string]string{
		"write /": "read-only file system", "write /tmp": "", "write /run": "", "write /dev/shm": "", "write /var/tmp": "",
		"exec /tmp": "permission denied", "exec /run": "permission denied", "exec /dev/shm": "permission denied",
		"write /proc/sys/kernel/core_pattern": "permission denied",
		"write /sys/fs/cgroup":                "read-only file system",
	} {
		if got := seen.Files[path]; got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	for _, path := range defaultMasked {
		if n := seen.Masked[path]; n > 0 {
			t.Errorf("%s shows %d bytes or entries", path, n)
		}
	}
	for line := range strings.Lines(seen.Mounts) {
		// The root is a plain directory of the test's; only its own line may show it.
		if fields := strings.Fields(line); fields[4] != "/" && strings.Contains(line, os.TempDir()+"/") {
			t.Errorf("mountinfo shows a path of the host: %s", line)
		}
	}
	if seen.Pid != 1 || seen.UIDMap != fmt.Sprintf("0 %d %d", testIDBase, IDs) {
		t.Errorf("pid %d, uid map %q", seen.Pid, seen.UIDMap)
	}
	if seen.Nofile != min(testFacts(t).NofileHard, DefaultNofileHard) || seen.Core != 0 {
		t.Errorf("open files %d, core %d", seen.Nofile, seen.Core)
	}
	for ns, id := range seen.Namespaces {
		if mine, err := os.Readlink("/proc/self/ns/" + ns); err == nil && mine == id {
			t.Errorf("the namespace %s is the host's", ns)
		}
	}
	if seen.Fds != "0 1 2" {
		t.Errorf("descriptors %s", seen.Fds)
	}
}

func TestRealUser(t *testing.T) {
	seen := observe(t, Request{Identity: Identity{UID: 1000, GID: 1000}}, Policy{}, nil)
	for _, field := range []string{"CapEff", "CapBnd", "CapPrm", "CapInh", "CapAmb"} {
		if got := seen.Status[field]; got != "0000000000000000" {
			t.Errorf("%s is %s", field, got)
		}
	}
	if got := seen.Files["write /run"]; got != "" {
		t.Errorf("the container's user cannot write to /run: %s", got)
	}
	if seen.Calls["bind :80"] != "" {
		t.Errorf("port 80: %s", seen.Calls["bind :80"])
	}
}

// The positive twin: what the default denies works in a container that the policy opens.
func TestRealRelaxed(t *testing.T) {
	policy := Policy{Allow: []Allow{
		{Rule: RulePrivileged, Callers: []string{"root"}, Reason: "test"}, {Rule: RuleWritableRoot, Callers: []string{"root"}, Reason: "test"},
	}}
	seen := observe(t, Request{Privileged: true, WritableRoot: true}, policy, nil)
	for call, want := range deniedCalls {
		if got := seen.Calls[call]; got == want.errno.Error() && !want.always {
			t.Errorf("%s: %s even without a filter: the probe proves nothing", call, got)
		}
	}
	if got := seen.Files["write /"]; got != "" {
		t.Errorf("a writable root: %s", got)
	}
	if seen.Status["Seccomp"] != "0" || seen.Status["NoNewPrivs"] != "0" || seen.Masked["/proc/interrupts"] == 0 {
		t.Errorf("a privileged container: %v, interrupts of %d bytes", seen.Status, seen.Masked["/proc/interrupts"])
	}
}

// A capability that is given to a user who is not root is in force.
func TestRealAmbient(t *testing.T) {
	policy := Policy{Allow: []Allow{{Rule: RuleCapAdd, Values: []string{"NET_ADMIN"}, Callers: []string{"*"}, Reason: "test"}}}
	seen := observe(t, Request{Identity: Identity{UID: 1000, GID: 1000}, CapAdd: []string{"NET_ADMIN"}}, policy, nil)
	if got := seen.Status["CapEff"]; got != "0000000000001000" {
		t.Errorf("CapEff is %s", got)
	}
}

func TestRealMounts(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "file"), []byte("of root"), 0o600); err != nil {
		t.Fatal(err)
	}
	for dir := data; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := Request{Mounts: []Mount{
		{Type: MountVolume, Source: "data", Target: "/data"}, {Type: MountVolume, Source: "run", Target: "/ro", ReadOnly: true},
	}}
	r.Secrets = []string{"token"}
	seen := observe(t, r, Policy{}, func(b *Binding) {
		b.MountSources = map[string]string{"/data": data, "/ro": data}
		b.SecretsPath = data
	})
	for path, want := range map[string]string{
		"write /data": "", "exec /data": "permission denied", "write /ro": "read-only file system", "write /run/secrets": "read-only file system",
	} {
		if got := seen.Files[path]; got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	for line := range strings.Lines(seen.Mounts) {
		fields := strings.Fields(line)
		for _, flag := range []string{"nosuid", "nodev", "noexec"} {
			if slices.Contains([]string{"/data", "/ro", SecretsDir, "/tmp", "/run", "/dev/shm", "/proc", "/sys"}, fields[4]) && !slices.Contains(strings.Split(fields[5], ","), flag) {
				t.Errorf("%s is not %s: %s", fields[4], flag, line)
			}
		}
	}
	info, err := os.Stat(filepath.Join(data, "probe-write"))
	if err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("what root of the container wrote belongs on disk to %v (%v)", info, err)
	}
}

// What the sandbox lays into the container itself: an init, a device, and what the image has in /run.
func TestRealExtras(t *testing.T) {
	policy := Policy{Allow: []Allow{{Rule: RuleDevice, Values: []string{"*"}, Callers: []string{"*"}, Reason: "test"}}}
	r := Request{Init: true, CopyUp: []string{"/run"}, Env: []string{probeVariable + "_SHOW=/dev/zeroes /run/app/file"}}
	r.Devices = []Device{{HostPath: "/dev/zero", ContainerPath: "/dev/zeroes", Kind: "c", Major: 1, Minor: 5}}
	seen := observe(t, r, policy, func(b *Binding) {
		b.InitPath = filepath.Join(b.RootfsPath, "probe")
		app := filepath.Join(b.RootfsPath, "run/app")
		if err := errors.Join(os.MkdirAll(app, 0o755), os.WriteFile(filepath.Join(app, "file"), []byte("of the image"), 0o644)); err != nil {
			t.Fatal(err)
		}
	})
	if seen.Pid != 1 || seen.Masked["/dev/zeroes"] != 8 || seen.Masked["/run/app/file"] != 8 {
		t.Errorf("pid %d, device %d, copied %d", seen.Pid, seen.Masked["/dev/zeroes"], seen.Masked["/run/app/file"])
	}
}

// The host's namespaces, where a policy gives them, in a user namespace of the container's own.
func TestRealHostNamespaces(t *testing.T) {
	policy := Policy{Allow: []Allow{{Rule: RuleHostNamespace, Values: []string{"*"}, Callers: []string{"*"}, Reason: "test"}}}
	shared := map[string]string{"pid": "host", "ipc": "host", "uts": "host", "cgroup": "host", "time": "host"}
	seen := observe(t, Request{Network: "host", Namespaces: shared}, policy, nil)
	for ns, id := range seen.Namespaces {
		mine, err := os.Readlink("/proc/self/ns/" + ns)
		if own := ns == "user" || ns == "mnt"; err == nil && (mine == id) == own {
			t.Errorf("the namespace %s is %s, the host's %s", ns, id, mine)
		}
	}
	for _, path := range defaultMasked {
		if n := seen.Masked[path]; n > 0 {
			t.Errorf("%s shows %d bytes or entries", path, n)
		}
	}
	if got := seen.Files["write /sys/fs/cgroup"]; got == "" {
		t.Error("the host's cgroups can be written")
	}
}

// The 32-bit entries of the kernel kill whoever uses them.
func TestRealForeignABI(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("only an x86-64 kernel has the i386 and x32 entries")
	}
	for _, probe := range []string{"i386", "x32"} {
		t.Run(probe, func(t *testing.T) {
			ociRuntime(t)
			r := Request{ID: "0123456789abcdef", Args: []string{"/probe"}, Env: []string{probeVariable + "=" + probe}}
			p, err := Compute(r, Policy{}, Caller{User: "root"}, testFacts(t))
			if err != nil {
				t.Fatal(err)
			}
			out, state := newBundle(t, p, nil).run()
			if out != "killed" {
				t.Errorf("the probe wrote %q and ended with %v", out, state)
			}
		})
	}
}
