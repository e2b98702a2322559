package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness"
)

// probeImage is a busybox with the program of package probe.
const probeImage = "probe:test"

// probe is the program of package probe, built once.
var probe = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "bailey-probe-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "probe"), "./probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the probe: %w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "probe"))
})

// probing starts a node with the image probeImage.
func probing(t *testing.T) *harness.Node {
	t.Helper()
	program, err := probe()
	if err != nil {
		t.Fatal(err)
	}
	image := imagetest.Busybox(t, probeImage)
	image.Layers[0].Files = append(image.Layers[0].Files, imagetest.Exec("bin/probe", program))
	// In the daemon's environment, which no container may see.
	node := harness.NewEmpty(t, harness.Options{Env: []string{"DAEMON_ONLY=yes"}})
	if err := node.Load(t.Context(), imagetest.DockerArchive(image)); err != nil {
		t.Fatal(err)
	}
	return node
}

// probed describes a container of the probe's image that waits.
func probed(name string) client.ContainerCreateOptions {
	options := shell(name, "sleep 1000")
	options.Config.Image = probeImage
	return options
}

// inside looks into containers: as their first process, and as an exec in them.
type inside struct {
	name string
	run  func(t *testing.T, command ...string) string
}

// looks returns both ways to look; user is a user of the image.
func looks(t *testing.T, node *harness.Node, user string) []inside {
	t.Helper()
	options := probed("exec-" + user)
	options.Config.User = user
	id := launch(t, node, options)
	return []inside{
		{"main", func(t *testing.T, command ...string) string {
			t.Helper()
			return node.MustBailey(t, append([]string{"run", "--rm", "--user", user, probeImage}, command...)...)
		}},
		{"exec", func(t *testing.T, command ...string) string {
			t.Helper()
			out, code, err := run(t.Context(), node, id, command...)
			if err != nil || code != 0 {
				t.Fatalf("exec %v: %d, %v\n%s", command, code, err, out)
			}
			return out
		}},
	}
}

// fields reads "name: value" lines.
func fields(text string) map[string]string {
	found := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			found[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return found
}

// TestPostureStatus: capabilities, seccomp and no-new-privileges, for root and for others, in main processes and execs.
func TestPostureStatus(t *testing.T) {
	node := probing(t)
	const none, root = "0000000000000000", "00000000000004fb" // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID NET_BIND_SERVICE
	for user, caps := range map[string]string{"root": root, "nobody": none} {
		for _, in := range looks(t, node, user) {
			t.Run(user+"/"+in.name, func(t *testing.T) {
				got := fields(in.run(t, "cat", "/proc/self/status"))
				want := map[string]string{
					"CapInh": none, "CapPrm": caps, "CapEff": caps, "CapBnd": caps, "CapAmb": none,
					"NoNewPrivs": "1", "Seccomp": "2", "Groups": "0", // its own group, and none that the node has
				}
				if user == "nobody" {
					want["Uid"], want["Groups"] = "65534\t65534\t65534\t65534", "65534"
				}
				for name, value := range want {
					if got[name] != value {
						t.Errorf("%s is %q, want %q", name, got[name], value)
					}
				}
			})
		}
	}
}

// TestPostureTries: what the kernel and the files refuse, tried out.
func TestPostureTries(t *testing.T) {
	node := probing(t)
	allowed := map[string]bool{
		"socket inet": true, "socket unix": true, "socket netlink route": true, "setuid file": true,
		"write /tmp/file": true, "write /run/file": true, "write /var/tmp/file": true, "write /dev/shm/file": true,
	}
	for _, user := range []string{"root", "nobody"} {
		for _, in := range looks(t, node, user) {
			t.Run(user+"/"+in.name, func(t *testing.T) {
				got := fields(in.run(t, "probe", "try"))
				if len(got) < 60 {
					t.Fatalf("only %d tries: %v", len(got), got)
				}
				for name, result := range got {
					want, ok := allowed[name], result == "ok"
					if want != ok {
						t.Errorf("%s: %s", name, result)
					}
					// It must be the size that ends the writing, and noexec that ends the start.
					if strings.HasPrefix(name, "fill ") && result != "ENOSPC" {
						t.Errorf("%s: %s, want ENOSPC", name, result)
					}
					if strings.HasPrefix(name, "exec in ") && result != "EACCES" {
						t.Errorf("%s: %s, want EACCES", name, result)
					}
				}
			})
		}
	}
}

// TestPostureMounts: what the table of mounts tells and does not tell.
func TestPostureMounts(t *testing.T) {
	node := probing(t)
	for _, in := range looks(t, node, "root") {
		t.Run(in.name, func(t *testing.T) {
			table := in.run(t, "cat", "/proc/self/mountinfo")
			flags := make(map[string]string)
			for line := range strings.Lines(table) {
				part := strings.Fields(line)
				flags[part[4]] = part[5] + "," + part[len(part)-1] + ","
			}
			for _, secret := range []string{node.Dir, "bailey-node", node.Name(), "/home", os.TempDir() + "/"} {
				if strings.Contains(table, secret) {
					t.Errorf("the table of mounts tells %q:\n%s", secret, table)
				}
			}
			for point, want := range map[string][]string{
				"/": {"ro", "nosuid", "nodev"}, "/sys": {"ro", "nosuid", "nodev", "noexec"}, "/proc": {"nosuid", "nodev", "noexec"},
				"/tmp": {"nosuid", "nodev", "noexec", "size=65536k"}, "/run": {"nosuid", "nodev", "noexec", "size=65536k"},
				"/var/tmp": {"nosuid", "nodev", "noexec", "size=65536k"}, "/dev/shm": {"nosuid", "nodev", "noexec", "size=65536k"},
				"/dev": {"nosuid", "noexec"}, "/proc/sys": {"ro"}, "/proc/bus": {"ro"}, "/sys/fs/cgroup": {"ro", "nosuid", "nodev", "noexec"},
			} {
				for _, flag := range want {
					if !strings.Contains(","+flags[point], ","+flag+",") {
						t.Errorf("%s is mounted %q, without %s", point, flags[point], flag)
					}
				}
			}
			groups := in.run(t, "cat", "/proc/self/cgroup")
			if strings.Contains(groups, "bailey") {
				t.Errorf("the control group is told: %s", groups)
			}
			for _, path := range []string{"/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/interrupts", "/proc/iomem", "/proc/config.gz",
				"/proc/partitions", "/proc/diskstats", "/proc/cmdline", "/proc/kallsyms", "/proc/timer_list"} {
				if out := in.run(t, "sh", "-c", "head -c 100 "+path+" 2>/dev/null || true"); out != "" {
					t.Errorf("%s can be read: %q", path, out)
				}
			}
			for _, path := range []string{"/sys/firmware", "/proc/acpi", "/sys/kernel/security", "/sys/module", "/sys/kernel/debug"} {
				if out := in.run(t, "sh", "-c", "ls "+path+" 2>/dev/null || true"); out != "" {
					t.Errorf("%s can be listed: %q", path, out)
				}
			}
		})
	}
}

// TestPostureLimits: the limits that processes and control groups have.
func TestPostureLimits(t *testing.T) {
	node := probing(t)
	for _, in := range looks(t, node, "root") {
		t.Run(in.name, func(t *testing.T) {
			limits := in.run(t, "sh", "-c", "ulimit -c; ulimit -Hc; ulimit -n; ulimit -Hn")
			var core, hardCore, files, hardFiles int
			if _, err := fmt.Sscan(limits, &core, &hardCore, &files, &hardFiles); err != nil {
				t.Fatal(err, limits)
			}
			if core != 0 || hardCore != 0 || files != 1024 || hardFiles > 65536 {
				t.Errorf("core and nofile are %q", limits)
			}
			memory := in.run(t, "sh", "-c", "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true")
			var bytes int64
			if _, err := fmt.Sscan(memory, &bytes); err != nil || bytes > 2<<30 {
				t.Errorf("the memory limit is %q", memory)
			}
			pids := in.run(t, "sh", "-c", "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null || true")
			if strings.TrimSpace(pids) != "512" {
				t.Errorf("the limit of processes is %q", pids)
			}
			// What is limited is held: a bomb does not get beyond.
			if in.name == "exec" {
				// Builtins only: while the bomb lives there is no process to be had.
				held := in.run(t, "sh", "-c", "(i=0; while [ $i -lt 600 ]; do sleep 3 & i=$((i+1)); done) 2>/dev/null; "+
					"for f in /sys/fs/cgroup/pids.current /sys/fs/cgroup/pids/pids.current; do [ -e $f ] && read n <$f; done; echo $n")
				var now int
				if _, err := fmt.Sscan(held, &now); err != nil || now < 300 || now > 512 {
					t.Errorf("%q processes live", held)
				}
			}
		})
	}
}

// TestPostureInherited: nothing of the daemon comes along: no descriptor, no environment, no directory, no namespace.
func TestPostureInherited(t *testing.T) {
	node := probing(t)
	for _, in := range looks(t, node, "root") {
		t.Run(in.name, func(t *testing.T) {
			// ls itself has one more open: the directory that it lists.
			if open := strings.Fields(in.run(t, "ls", "/proc/self/fd")); len(open) > 4 {
				t.Errorf("open descriptors: %v\n%s", open, in.run(t, "ls", "-l", "/proc/self/fd"))
			}
			for line := range strings.Lines(in.run(t, "env")) {
				switch name, _, _ := strings.Cut(line, "="); name {
				case "PATH", "HOME", "HOSTNAME", "TERM", "PWD", "SHLVL":
				default:
					t.Errorf("the environment has %q", line)
				}
			}
			if dir := in.run(t, "pwd"); dir != "/\n" {
				t.Errorf("the working directory is %q", dir)
			}
			for _, kind := range []string{"pid", "net", "ipc", "uts", "mnt", "cgroup", "user", "time"} {
				mine, err := os.Readlink("/proc/self/ns/" + kind)
				theirs := strings.TrimSpace(in.run(t, "readlink", "/proc/self/ns/"+kind))
				if err != nil || theirs == mine || theirs == "" {
					t.Errorf("the %s namespace is %q and the host's %q, %v", kind, theirs, mine, err)
				}
			}
		})
	}
	a, b := launch(t, node, probed("range-a")), launch(t, node, probed("range-b"))
	mapA, mapB := uidMap(t, node, a), uidMap(t, node, b)
	if mapA == mapB || !strings.HasSuffix(mapA, " 65536") || strings.HasPrefix(mapA, "0 0 ") {
		t.Errorf("the ranges of user ids are %q and %q", mapA, mapB)
	}
}

// TestFirstThreadGone: a program whose first thread has ended goes on, looks like one that has ended, and can be killed.
func TestFirstThreadGone(t *testing.T) {
	node := probing(t)
	options := probed("half")
	options.Config.Cmd = []string{"probe", "half"}
	id := launch(t, node, options)
	pid := inspect(t, node, id).State.Pid
	eventually(t, 10e9, "the first thread has ended", func() bool {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		return strings.Contains(string(text), "State:\tZ")
	})
	if _, err := node.Client.ContainerKill(t.Context(), id, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		t.Errorf("it cannot be killed: %v", err)
	}
	eventually(t, 10e9, "it has ended", func() bool { return inspect(t, node, id).State.Status == container.StateExited })
	if code := inspect(t, node, id).State.ExitCode; code != 137 {
		t.Errorf("it ended with %d", code)
	}
}
