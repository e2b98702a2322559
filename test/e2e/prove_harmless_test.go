package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bailey-run/bailey/internal/prove/registry"
	"github.com/bailey-run/bailey/internal/runtime/payload"
	"github.com/bailey-run/bailey/test/harness"
)

// TestProbesAreHarmless: every attempt is made on the host, as root and with nothing to stop it, in throw-away namespaces. The
// host is the same afterwards.
func TestProbesAreHarmless(t *testing.T) {
	program, err := payload.Read(payload.Probe)
	if err != nil {
		t.Skip("bailey-probe was not built: run make build")
	}
	path := filepath.Join(t.TempDir(), "bailey-probe")
	if err := os.WriteFile(path, program, 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{"try"}
	for _, p := range registry.Probes() {
		args = append(args, p.ID)
	}
	room, err := harness.NewRoom()
	if err != nil {
		t.Fatal(err)
	}
	defer room.Close()
	before := hostState(t, room)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = filepath.Dir(path)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL,
	}
	var out strings.Builder
	cmd.Stdout = &out
	if err := room.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n"); got != len(args)-1 {
		t.Errorf("%d of %d attempts were made", got, len(args)-1)
	}
	after := hostState(t, room)
	for what, was := range before {
		for _, x := range was {
			if !slices.Contains(after[what], x) {
				t.Errorf("%s: gone or changed: %s", what, x)
			}
		}
		for _, x := range after[what] {
			if !slices.Contains(was, x) {
				t.Errorf("%s: new or changed: %s", what, x)
			}
		}
	}
}

// watched are parameters of the kernel that an attempt could change.
var watched = []string{
	"kernel/core_pattern", "kernel/modprobe", "kernel/hostname", "kernel/domainname", "kernel/kptr_restrict", "kernel/dmesg_restrict", "kernel/panic",
	"kernel/sysrq", "kernel/shmmax", "vm/overcommit_memory", "vm/drop_caches", "vm/mmap_min_addr", "fs/suid_dumpable", "fs/file-max", "net/ipv4/ip_forward",
}

// hostState is what an attempt could leave on the host. Other nodes and tests come and go on the machine; what is theirs is not looked at.
func hostState(t *testing.T, room *harness.Room) map[string][]string {
	t.Helper()
	state := map[string][]string{}
	lines := func(what, path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			return // this kernel has no such file
		}
		for line := range strings.Lines(string(text)) {
			state[what] = append(state[what], strings.TrimSpace(line))
		}
	}
	for _, name := range watched {
		lines(name, "/proc/sys/"+name)
	}
	for _, path := range []string{"/etc/passwd", "/etc/shadow", "/etc/hosts", "/proc/swaps"} {
		lines(path, path)
	}
	for _, dir := range []string{"/", "/etc", "/dev", "/boot", "/run", "/tmp", "/var/tmp", "/dev/shm"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		state[dir] = []string{}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "probe-") || strings.HasPrefix(e.Name(), ".probe-") || strings.HasPrefix(e.Name(), "fill-") || strings.HasPrefix(e.Name(), "many-") ||
				strings.HasPrefix(e.Name(), "program-") || !strings.HasSuffix(dir, "tmp") && dir != "/run" && dir != "/dev/shm" {
				state[dir] = append(state[dir], e.Name()+" "+e.Type().String())
			}
		}
	}
	if err := room.Do(func() error {
		links, err := net.Interfaces()
		for _, l := range links {
			state["interfaces"] = append(state["interfaces"], l.Name+" "+l.Flags.String())
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/*probe*") // what others make there comes and goes
	state["control groups"] = groups
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[1]; !strings.HasPrefix(at, "/tmp/") && !strings.HasPrefix(at, "/run/") && !strings.HasPrefix(at, "/var/") {
			state["mounts"] = append(state["mounts"], line)
		}
	}
	return state
}
