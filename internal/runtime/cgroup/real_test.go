package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// envFork makes the re-executed test binary fork without end, keeping about
// as many processes as its value says.
const envFork = "BAILEY_CGROUP_TEST_FORK"

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(envFork)); err == nil {
		fork(n)
		return
	}
	os.Exit(m.Run())
}

// fork waits to be put into a group (a line on standard input), then starts
// children that start children.
func fork(n int) {
	var b [1]byte
	if _, err := os.Stdin.Read(b[:]); err != nil || n <= 0 {
		select {}
	}
	for i := 0; ; i++ {
		cmd := exec.Command("sleep", "100")
		if cmd.Start() == nil {
			go cmd.Wait()
		}
		if i >= n {
			_ = cmd.Process.Kill()
		}
	}
}

func setxattr(path, name, value string) error { return unix.Setxattr(path, name, []byte(value), 0) }

// managers opens a node on the host's own layout and, when a version 2 tree
// is mounted anywhere, one on that.
func managers(t *testing.T, run func(t *testing.T, m *Manager)) {
	if os.Getuid() != 0 {
		t.Skip("making control groups needs root")
	}
	l, err := readLayout()
	if err != nil {
		t.Skip(err)
	}
	layouts := map[string]layout{l.mode.String(): l}
	for _, tree := range l.trees {
		if tree.unified && l.mode == Hybrid {
			layouts["v2 of a hybrid"] = layout{mode: V2, trees: []hierarchy{tree}}
		}
	}
	for name, l := range layouts {
		t.Run(name, func(t *testing.T) {
			m, err := open(fmt.Sprintf("test%d-%d", os.Getpid(), time.Now().UnixNano()), l)
			if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
				t.Skipf("the control groups cannot be changed: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := m.Destroy(context.Background()); err != nil {
					t.Error(err)
				}
			})
			run(t, m)
		})
	}
}

// container makes the groups of id as an OCI runtime does, with a process
// that keeps n others.
func container(t *testing.T, m *Manager, id string, n int) *exec.Cmd {
	t.Helper()
	for i := range m.trees {
		if err := makeGroup(&m.trees[i], m.dir(&m.trees[i], id)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envFork+"="+strconv.Itoa(n))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = m.Thaw(context.Background(), id)
		_ = m.KillAll(context.Background(), id)
		_ = cmd.Process.Kill()
		<-waited
		if err := m.Remove(context.Background(), id); err != nil {
			t.Error(err)
		}
	})
	for i := range m.trees {
		if err := write(m.dir(&m.trees[i], id, "cgroup.procs"), strconv.Itoa(cmd.Process.Pid)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came true: %s", what)
		}
	}
}

// ways to kill: as the host allows, and as it is done without cgroup.kill.
var kills = []func(ctx context.Context, m *Manager, id string) error{
	func(ctx context.Context, m *Manager, id string) error { return m.KillAll(ctx, id) },
	func(ctx context.Context, m *Manager, id string) error {
		dir, err := m.home(id)
		if err != nil {
			return err
		}
		return m.waitEmpty(ctx, dir, func() error { return m.killFrozen(ctx, id, dir) })
	},
}

func TestKillAllEndsAForkBomb(t *testing.T) {
	managers(t, func(t *testing.T, m *Manager) {
		for i, kill := range kills {
			t.Run(strconv.Itoa(i), func(t *testing.T) { endBomb(t, m, kill) })
		}
	})
}

func endBomb(t *testing.T, m *Manager, kill func(context.Context, *Manager, string) error) {
	cmd := container(t, m, "bomb", 50)
	until(t, "50 processes", func() bool { pids, _ := m.Pids("bomb"); return len(pids) > 50 })
	if pids, err := m.Pids("bomb"); err != nil || !slices.Contains(pids, cmd.Process.Pid) {
		t.Errorf("%v %v", pids, err)
	}
	if err := kill(soon(t), m, "bomb"); err != nil {
		t.Fatal(err)
	}
	if pids, err := m.Pids("bomb"); err != nil || len(pids) != 0 {
		t.Errorf("left: %v %v", pids, err)
	}
}

func TestKillAllReachesFrozenAndNested(t *testing.T) {
	managers(t, func(t *testing.T, m *Manager) {
		cmd := container(t, m, "c1", 3)
		for i := range m.trees { // what a container that may do so would build
			nested := m.dir(&m.trees[i], "c1", "a b")
			if err := makeGroup(&m.trees[i], nested); err != nil {
				t.Fatal(err)
			}
			if err := write(nested+"/cgroup.procs", strconv.Itoa(cmd.Process.Pid)); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Freeze(soon(t), "c1"); err != nil {
			t.Fatal(err)
		}
		if err := m.KillAll(soon(t), "c1"); err != nil {
			t.Fatal(err)
		}
		if err := m.Remove(soon(t), "c1"); err != nil {
			t.Fatal(err)
		}
		if m.Exists("c1") {
			t.Error("it still exists")
		}
		if err := m.KillAll(soon(t), "c1"); err != nil {
			t.Errorf("killing what is gone: %v", err)
		}
	})
}

func TestFreezeStopsAndThawGoesOn(t *testing.T) {
	managers(t, func(t *testing.T, m *Manager) {
		container(t, m, "c1", 5)
		until(t, "children", func() bool { pids, _ := m.Pids("c1"); return len(pids) > 5 })
		for range 3 {
			if err := m.Freeze(soon(t), "c1"); err != nil {
				t.Fatal(err)
			}
			var before string
			until(t, "it stands", func() bool { // a task counts as frozen just before its last instructions
				before = cpuTicks(t, m, "c1")
				time.Sleep(30 * time.Millisecond)
				return cpuTicks(t, m, "c1") == before
			})
			if err := m.Thaw(soon(t), "c1"); err != nil {
				t.Fatal(err)
			}
			until(t, "it runs again", func() bool { return cpuTicks(t, m, "c1") != before })
		}
	})
}

// cpuTicks changes whenever a process of the group ran or was born.
func cpuTicks(t *testing.T, m *Manager, id string) string {
	t.Helper()
	pids, err := m.Pids(id)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, pid := range pids {
		s := readShort(fmt.Sprintf("/proc/%d/schedstat", pid))
		fmt.Fprintln(&all, pid, strings.Fields(s + " 0")[0])
	}
	return all.String()
}

func TestSupervisorsListAndDestroy(t *testing.T) {
	managers(t, func(t *testing.T, m *Manager) {
		cmd := exec.Command("cat")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if f, err := m.SupervisorsDir(); err == nil { // born in the group
			defer f.Close()
			cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())}
		} else if m.Mode() == V2 || !errors.Is(err, errors.ErrUnsupported) {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if m.Mode() != V2 {
			if err := m.JoinSupervisors(cmd.Process.Pid); err != nil {
				t.Fatal(err)
			}
		}
		groups, err := read(fmt.Sprintf("/proc/%d/cgroup", cmd.Process.Pid))
		if n := strings.Count(groups, m.group+"/"+supervisors+"\n"); err != nil || n != len(m.trees) {
			t.Errorf("in %d of %d groups:\n%s", n, len(m.trees), groups)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := m.Destroy(ctx); err == nil || !strings.Contains(err.Error(), strconv.Itoa(cmd.Process.Pid)) {
			t.Errorf("destroyed with a process inside: %v", err)
		}
		in.Close()
		_ = cmd.Wait()
		container(t, m, "c2", 0)
		container(t, m, "c1", 0)
		if ids, err := m.List(); err != nil || !slices.Equal(ids, []string{"c1", "c2"}) {
			t.Errorf("list: %v %v", ids, err)
		}
		again, err := open(strings.TrimPrefix(m.group, "/bailey-"), m.layout)
		if err != nil || again.Path("x") != m.Path("x") {
			t.Errorf("opened again: %v %v", again, err)
		}
	})
}

func TestStatsForReal(t *testing.T) {
	managers(t, func(t *testing.T, m *Manager) {
		container(t, m, "c1", 5)
		until(t, "children", func() bool { pids, _ := m.Pids("c1"); return len(pids) > 5 })
		s, err := m.Stats("c1")
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", s)
		if m.tree("cpuacct") != nil && s.CPU.Total == 0 {
			t.Error("no CPU time")
		}
		if h := m.host(); m.mode != V2 && slices.Contains(h.Controllers, "memory") && (s.Memory.Usage == 0 || s.Memory.Limit != Unlimited) {
			t.Errorf("memory %+v", s.Memory)
		}
		if m.mode != V2 && m.tree("pids") != nil && s.Pids.Current < 5 {
			t.Errorf("pids %+v", s.Pids)
		}
	})
}

func TestOOMKilled(t *testing.T) {
	managers(t, func(t *testing.T, m *Manager) {
		if m.mode == V2 || m.tree("memory") == nil {
			t.Skip("this tree does not count memory")
		}
		container(t, m, "c1", 0)
		if oom, err := m.OOMKilled("c1"); oom || err != nil {
			t.Errorf("before: %v %v", oom, err)
		}
		if err := write(m.controllerDir("memory", "c1")+"/memory.limit_in_bytes", "30000000"); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-c", "read go; x=$(tr '\\0' a </dev/zero | head -c 90000000); echo survived")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := write(m.controllerDir("memory", "c1")+"/cgroup.procs", strconv.Itoa(cmd.Process.Pid)); err != nil {
			t.Fatal(err)
		}
		_, _ = in.Write([]byte("\n"))
		_ = cmd.Wait()
		if oom, err := m.OOMKilled("c1"); !oom || err != nil {
			t.Errorf("after: %v %v", oom, err)
		}
	})
}

func TestNamesAreNotPaths(t *testing.T) {
	m := &Manager{layout: layout{mode: V2, trees: []hierarchy{{mount: t.TempDir(), unified: true}}}, group: "/bailey-n"}
	for _, id := range []string{"", "..", ".", "a/b", "../x", supervisors, "a\x00", "a b", strings.Repeat("a", 200)} {
		ctx := t.Context()
		_, statsErr := m.Stats(id)
		_, pidsErr := m.Pids(id)
		_, oomErr := m.OOMKilled(id)
		for what, err := range map[string]error{
			"freeze": m.Freeze(ctx, id), "remove": m.Remove(ctx, id), "kill": m.KillAll(ctx, id),
			"stats": statsErr, "pids": pidsErr, "oom": oomErr,
		} {
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s %q: %v", what, id, err)
			}
		}
	}
	for _, node := range []string{"", "..", "a/b", "a b"} {
		if _, err := open(node, m.layout); err == nil {
			t.Errorf("node %q", node)
		}
	}
}
