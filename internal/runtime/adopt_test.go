package runtime

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/nspool"
	"golang.org/x/sys/unix"
)

// daemonOrder is what a test tells the daemon that it kills.
type daemonOrder struct {
	Options      Options
	Prepare      PrepareRequest
	IDBase       uint32
	Start        StartRequest
	OnlyPrepare  bool
	Pause        time.Duration // before the start
	AttachBefore bool
}

// TestDaemonHelper is no test: it is the daemon that other tests run as a
// process of its own and kill.
func TestDaemonHelper(t *testing.T) {
	order := os.Getenv("BAILEY_TEST_DAEMON")
	if order == "" {
		return
	}
	var o daemonOrder
	b, err := os.ReadFile(order)
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	fail := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	fail(err)
	ctx := context.Background()
	r, err := Open(ctx, o.Options)
	fail(err)
	o.Prepare.Pair, err = nspool.New(o.IDBase)
	fail(err)
	c, err := r.Prepare(ctx, o.Prepare)
	fail(err)
	fmt.Println("prepared")
	if o.AttachBefore {
		_, err := c.Attach(ctx, AttachRequest{Stdin: true, Stdout: true})
		fail(err)
	}
	time.Sleep(o.Pause)
	if !o.OnlyPrepare {
		_, err = c.Start(ctx, o.Start)
		fail(err)
		fmt.Println("started")
	}
	select {}
}

// daemon runs the box in another process.
type daemon struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

func (b *box) inDaemon(change func(*daemonOrder)) *daemon {
	b.n.t.Helper()
	o := daemonOrder{Options: b.n.opts, Prepare: b.prep, IDBase: b.pair.IDBase, Start: b.req}
	o.Options.Log, o.Prepare.Pair = nil, nil
	if change != nil {
		change(&o)
	}
	order, err := json.Marshal(&o)
	if err != nil {
		b.n.t.Fatal(err)
	}
	path := filepath.Join(b.home, "order.json")
	if err := os.WriteFile(path, order, 0o600); err != nil {
		b.n.t.Fatal(err)
	}
	d := &daemon{cmd: exec.Command(os.Args[0], "-test.run=^TestDaemonHelper$")}
	d.cmd.Env = append(os.Environ(), "BAILEY_TEST_DAEMON="+path)
	d.cmd.Stderr = os.Stderr
	pipe, err := d.cmd.StdoutPipe()
	if err == nil {
		err = d.cmd.Start()
	}
	if err != nil {
		b.n.t.Fatal(err)
	}
	d.out = bufio.NewReader(pipe)
	b.n.t.Cleanup(d.kill)
	return d
}

func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
}

// says waits for a word of the daemon.
func (b *box) says(d *daemon, word string) {
	b.n.t.Helper()
	line, err := d.out.ReadString('\n')
	if err != nil || line != word+"\n" {
		rest, _ := io.ReadAll(d.out)
		b.n.t.Fatalf("the daemon said %q %q, %v", line, rest, err)
	}
}

// adopt finds the container again as the next daemon does.
func (b *box) adopt() Status {
	b.n.t.Helper()
	c, status, err := b.n.Adopt(b.ctx(), b.id, b.prep.RunDir, b.home)
	if err != nil {
		b.n.t.Fatalf("adopt: %v", err)
	}
	if b.Container == nil {
		b.n.t.Cleanup(func() {
			if err := b.Container.Delete(context.Background()); err != nil {
				b.n.t.Errorf("delete: %v", err)
			}
		})
	}
	b.Container = c
	return status
}

func TestAdoptRunning(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "trap 'exit 11' TERM; echo ready; while :; do read x && echo got $x; done")
	b.prep.OpenStdin, b.prep.StdinOnce = true, true
	d := b.inDaemon(func(o *daemonOrder) { o.AttachBefore = true })
	b.says(d, "prepared")
	b.says(d, "started")
	d.kill()
	status := b.adopt()
	if status.State != Running || status.Started.Pid == 0 || b.Pid() != status.Started.Pid || time.Since(status.Started.At) > time.Minute {
		t.Fatalf("%+v", status)
	}
	s := b.attach(AttachRequest{Stdin: true, Stdout: true})
	s.Write([]byte("again\n"))
	b.waitOutput("got again\n")
	id := randomHex(8)
	if _, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: b.process("sh", "-c", "exit 3")}); err != nil {
		t.Fatal(err)
	}
	if e, err := b.ExecWait(b.ctx(), id); err != nil || e.Code != 3 {
		t.Errorf("%+v %v", e, err)
	}
	if err := b.Signal(b.ctx(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.Write([]byte("wake up\n"))
	if e := b.wait(); e.Code != 11 {
		t.Errorf("%+v", e)
	}
	if status := b.adopt(); status.State != Exited || status.Exit.Code != 11 {
		t.Errorf("adopted again: %+v", status)
	}
}

func TestAdoptEndedMeanwhile(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "read x; exit 12")
	b.prep.OpenStdin = true
	d := b.inDaemon(nil)
	b.says(d, "prepared")
	b.says(d, "started")
	d.kill()
	b.adopt()
	supervisor := b.SupervisorPid()
	b.attach(AttachRequest{Stdin: true}).Write([]byte("x\n"))
	waitGone(t, supervisor)
	status := b.adopt()
	if status.State != Exited || status.Exit.Code != 12 || status.Exit.Reason != "" {
		t.Fatalf("%+v", status)
	}
	if e := b.wait(); e.Code != 12 {
		t.Errorf("%+v", e)
	}
}

func waitGone(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000); n != 1 {
		t.Fatalf("process %d does not end: %v", pid, err)
	}
}

// A daemon that dies before the start leaves nothing.
func TestDaemonDiesBeforeTheStart(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	d := b.inDaemon(func(o *daemonOrder) { o.OnlyPrepare = true })
	b.says(d, "prepared")
	d.kill()
	if status := b.adopt(); status.State != Gone {
		t.Errorf("%+v", status)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(b.prep.RunDir); os.IsNotExist(err) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the supervisor does not clean up")
		}
	}
}

// A daemon that dies at any moment of a start: the container is either running
// and under supervision, or nothing of it runs, and in both cases the next
// daemon can go on.
func TestDaemonDiesDuringTheStart(t *testing.T) {
	n := newNode(t)
	seen := map[State]int{}
	for i := range 40 {
		b := n.box("sleep", "100")
		d := b.inDaemon(func(o *daemonOrder) { o.Pause = 20 * time.Millisecond })
		b.says(d, "prepared")
		time.Sleep(time.Duration(rand.IntN(60_000)) * time.Microsecond)
		d.kill()
		status := b.adopt()
		seen[status.State]++
		switch status.State {
		case Running:
			if err := b.Signal(b.ctx(), 0); err != nil {
				t.Errorf("round %d: %v", i, err)
			}
			if err := b.Signal(b.ctx(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if e := b.wait(); e.Code != 137 || e.Reason != "" {
				t.Errorf("round %d: %+v", i, e)
			}
		case Gone:
			if pids, _ := b.Pids(b.ctx()); len(pids) > 0 {
				t.Errorf("round %d: gone, but %d processes run", i, len(pids))
			}
		default:
			t.Errorf("round %d: %+v", i, status)
		}
		if err := b.Delete(b.ctx()); err != nil {
			t.Errorf("round %d: %v", i, err)
		}
		n.clean(b)
	}
	t.Log(seen)
}

// Whoever watches a container whose supervisor is killed hears about it, and
// nothing of the container is left running.
func TestSupervisorIsKilled(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "sleep 100 & sleep 100")
	b.start()
	b.waitCommand("sleep")
	s := b.attach(AttachRequest{Stdout: true})
	pid := b.Pid()
	syscall.Kill(b.SupervisorPid(), syscall.SIGKILL)
	e := b.wait()
	if e.Code != 137 || e.Reason != ReasonSupervisorLost {
		t.Errorf("%+v", e)
	}
	if alive(pid, b.started.Ticks) {
		t.Error("the container lives on")
	}
	if _, _, err := readAll(s); err != io.ErrUnexpectedEOF {
		t.Errorf("an attached client got %v", err)
	}
	if status := b.adopt(); status.State != Exited || status.Exit.Reason != ReasonSupervisorLost {
		t.Errorf("the next daemon finds %+v", status)
	}
}

func TestSupervisorAndDaemonAreKilled(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	d := b.inDaemon(nil)
	b.says(d, "prepared")
	b.says(d, "started")
	b.adopt()
	supervisor, started := b.SupervisorPid(), b.started
	d.kill()
	syscall.Kill(supervisor, syscall.SIGKILL)
	waitGone(t, supervisor)
	b.wait() // the first adopter has noticed; a second one finds what it left
	os.Remove(b.exitPath())
	if status := b.adopt(); status.State != SupervisorLost {
		t.Fatalf("%+v", status)
	}
	if e := b.wait(); e.Code != 137 || e.Reason != ReasonSupervisorLost || alive(started.Pid, started.Ticks) {
		t.Errorf("%+v", e)
	}
}

// Supervisor and daemon are killed while the runtime is at work: what it goes
// on to start must not be forgotten.
func TestEverythingIsKilledDuringTheStart(t *testing.T) {
	n := newNode(t)
	for i := range 20 {
		b := n.box("sleep", "100")
		d := b.inDaemon(nil)
		b.says(d, "prepared")
		time.Sleep(time.Duration(rand.IntN(40_000)) * time.Microsecond)
		supervisor := childOf(d.cmd.Process.Pid)
		d.kill()
		if supervisor > 0 {
			syscall.Kill(supervisor, syscall.SIGKILL)
			waitGone(t, supervisor)
		}
		status := b.adopt()
		if status.State == SupervisorLost {
			b.wait()
		}
		time.Sleep(50 * time.Millisecond) // what was forgotten would start now
		if pids, _ := b.Pids(b.ctx()); status.State == Running || len(pids) > 0 {
			t.Errorf("round %d: %+v, and %d processes", i, status, len(pids))
		}
		if err := b.Delete(b.ctx()); err != nil {
			t.Errorf("round %d: %v", i, err)
		}
		n.clean(b)
	}
}

// childOf finds the supervisor among a process's children.
func childOf(pid int) int {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		b, _ := os.ReadFile(task)
		for _, f := range strings.Fields(string(b)) {
			var child int
			fmt.Sscan(f, &child)
			comm, _ := os.ReadFile("/proc/" + f + "/comm")
			if strings.HasPrefix(string(comm), "bailey-superv") {
				return child
			}
		}
	}
	return 0
}

// The end of an earlier run is not taken for the end of this one.
func TestStaleExitIsIgnored(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.start()
	stale := record{Pid: 1, Ticks: 1, Boot: "x", Code: 55}
	j, _ := json.Marshal(stale)
	os.WriteFile(b.exitPath(), j, 0o600)
	syscall.Kill(b.SupervisorPid(), syscall.SIGKILL)
	if e := b.wait(); e.Code != 137 || e.Reason != ReasonSupervisorLost {
		t.Errorf("%+v", e)
	}
}

func TestOrphans(t *testing.T) {
	n := newNode(t)
	known := n.box("sleep", "100")
	known.start()
	stray := n.box("sleep", "100")
	d := stray.inDaemon(nil)
	stray.says(d, "prepared")
	stray.says(d, "started")
	d.kill()
	os.MkdirAll(filepath.Join(n.dir, "run", randomHex(32), "rootfs"), 0o755)
	os.MkdirAll(filepath.Join(n.runtimeDir(), randomHex(32)), 0o700)
	keep := func(id string) bool { return id == known.id }
	list, err := n.Orphans(known.ctx(), keep)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, o := range list {
		kinds[o.Kind]++
		if o.ID == known.id {
			t.Errorf("a known container is listed: %+v", o)
		}
	}
	if kinds[OrphanSupervisor] != 1 || kinds[OrphanRunDir] != 1 || kinds[OrphanState] != 2 || kinds[OrphanGroup] != 1 {
		t.Errorf("%v", kinds)
	}
	for _, o := range list {
		if err := n.RemoveOrphan(known.ctx(), o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if list, err := n.Orphans(known.ctx(), keep); err != nil || len(list) != 0 {
		t.Errorf("still there: %v %v", list, err)
	}
	n.clean(stray)
	if known.ended() {
		t.Error("the known container was ended")
	}
}
