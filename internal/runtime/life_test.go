package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestExitCodes(t *testing.T) {
	n := newNode(t)
	for _, c := range []struct {
		args []string
		code int
		sig  syscall.Signal
	}{
		{[]string{"true"}, 0, 0},
		{[]string{"sh", "-c", "exit 42"}, 42, 0},
		{[]string{"sh", "-c", "exit 255"}, 255, 0},
	} {
		b := n.box(c.args...)
		before := time.Now()
		e, _ := b.run()
		if e.Code != c.code || e.Signal != c.sig || e.Reason != "" || e.OOM || e.At.Before(before) || e.At.After(time.Now()) {
			t.Errorf("%v: %+v", c.args, e)
		}
		if again, err := b.Wait(b.ctx()); err != nil || again != e {
			t.Errorf("a second wait: %+v, %v", again, err)
		}
		if rec := readRecord(b.exitPath()); rec == nil || rec.Code != c.code {
			t.Errorf("on disk: %+v", rec)
		}
	}
}

func TestSignals(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.01; done")
	b.start()
	b.waitOutput("ready\n")
	if err := b.Signal(b.ctx(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if e := b.wait(); e.Code != 5 || !strings.HasSuffix(b.logged(), "got it\n") {
		t.Errorf("%+v, %q", e, b.logged())
	}
	if err := b.Signal(b.ctx(), syscall.SIGTERM); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a signal after the end: %v", err)
	}

	b = n.box("sleep", "100")
	b.start()
	if err := b.Signal(b.ctx(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := b.wait(); e.Code != 137 || e.Signal != syscall.SIGKILL {
		t.Errorf("%+v", e)
	}
}

// waitOutput waits until the log holds what the test waits for.
func (b *box) waitOutput(want string) {
	b.n.t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(b.logged(), want); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			b.n.t.Fatalf("%q did not come, but %q", want, b.logged())
		}
	}
}

// What cannot be started is refused in the runtime's own words, with the code
// that a shell would give.
func TestStartRefusals(t *testing.T) {
	n := newNode(t)
	os.WriteFile(filepath.Join(n.layer, "etc/passwd"), []byte("x"), 0o644)
	for name, c := range map[string]struct {
		args []string
		code int
		text string
	}{
		"missing":        {[]string{"nope"}, 127, "executable file not found"},
		"missing path":   {[]string{"/bin/nope"}, 127, "no such file or directory"},
		"not executable": {[]string{"/etc/passwd"}, 126, "permission denied"},
		"directory":      {[]string{"/etc"}, 126, "is a directory"},
	} {
		b := n.box(c.args...).prepare()
		stream, err := b.Attach(b.ctx(), AttachRequest{Stdout: true, Stderr: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Start(b.ctx(), b.req)
		var refused *StartError
		if !errors.As(err, &refused) || refused.Code != c.code || !strings.Contains(refused.Message, c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if out, errs, err := readAll(stream); out+errs != "" || !errors.As(err, &refused) {
			t.Errorf("%s: an attached client got %q %q %v", name, out, errs, err)
		}
		if err := b.Delete(b.ctx()); err != nil {
			t.Errorf("%s: delete: %v", name, err)
		}
		n.clean(b)
	}
}

// clean checks that nothing of a container is left.
func (n *node) clean(b *box) {
	n.t.Helper()
	for _, path := range []string{b.prep.RunDir, filepath.Join(n.runtimeDir(), b.id)} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			n.t.Errorf("%s is left", path)
		}
	}
	if left, _ := os.ReadDir(n.runtimeDir()); len(left) > 0 {
		for _, e := range left {
			if !validID.MatchString(e.Name()) {
				n.t.Errorf("the runtime left %s", e.Name())
			}
		}
	}
	if n.cgroups.Exists(b.id) {
		n.t.Error("a control group is left")
	}
}

func TestBadMountIsRefused(t *testing.T) {
	n := newNode(t)
	b := n.box("true").prepare()
	b.req.Rootfs.Lower = []string{"/nonexistent"}
	if _, err := b.Start(b.ctx(), b.req); err == nil || !strings.Contains(err.Error(), "/nonexistent") {
		t.Errorf("got %v", err)
	}
	b = n.box("true").prepare()
	b.req.Spec.Mounts = append(b.req.Spec.Mounts, specs.Mount{Destination: "/x", Source: "/nonexistent", Type: "bind", Options: []string{"bind"}})
	var refused *StartError
	if _, err := b.Start(b.ctx(), b.req); !errors.As(err, &refused) || refused.Code != 125 || !strings.Contains(err.Error(), "/nonexistent") {
		t.Errorf("got %v", err)
	}
}

func TestDeleteInEveryState(t *testing.T) {
	n := newNode(t)
	twice := func(name string, b *box) {
		for range 2 {
			if err := b.Delete(b.ctx()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		n.clean(b)
	}
	twice("prepared", n.box("true").prepare())
	running := n.box("sleep", "100")
	running.start()
	twice("running", running)
	if e := running.wait(); e.Code != 137 {
		t.Errorf("the running one ended with %+v", e)
	}
	ended := n.box("true")
	ended.run()
	twice("ended", ended)
	paused := n.box("sleep", "100")
	paused.start()
	if err := paused.Pause(paused.ctx()); err != nil {
		t.Fatal(err)
	}
	twice("paused", paused)
}

func TestPrepareAgainAfterTheEnd(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "exit 3")
	if e, _ := b.run(); e.Code != 3 {
		t.Fatal(e)
	}
	if err := b.Delete(b.ctx()); err != nil {
		t.Fatal(err)
	}
	b.req.Spec.Process.Args = []string{"sh", "-c", "exit 4"}
	b.prepare()
	if rec := readRecord(b.exitPath()); rec != nil {
		t.Errorf("the end of the first run is still there: %+v", rec)
	}
	b.start()
	if e := b.wait(); e.Code != 4 {
		t.Errorf("%+v", e)
	}
}

// A start that nobody wants any more leaves nothing running.
func TestCancelledStart(t *testing.T) {
	n := newNode(t)
	for _, after := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond} {
		b := n.box("sleep", "100").prepare()
		ctx, cancel := context.WithTimeout(context.Background(), after)
		_, err := b.Start(ctx, b.req)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", after, err)
		}
		if err != nil {
			if pids, _ := b.Pids(b.ctx()); len(pids) > 0 {
				t.Errorf("after %v: %d processes are left", after, len(pids))
			}
		}
		if err := b.Delete(b.ctx()); err != nil {
			t.Errorf("after %v: delete: %v", after, err)
		}
		n.clean(b)
	}
}

func TestPauseAndResume(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "while :; do echo x; sleep 0.002; done")
	b.start()
	b.waitOutput("x\n")
	if err := b.Pause(b.ctx()); err != nil {
		t.Fatal(err)
	}
	// What was written before it froze is read first.
	var before string
	for before = ""; before != b.logged(); time.Sleep(50 * time.Millisecond) {
		before = b.logged()
	}
	if err := b.Resume(b.ctx()); err != nil {
		t.Fatal(err)
	}
	b.waitOutput(before + "x\n")
}

func TestUpdateChangesALimit(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.start()
	limit := int64(77)
	if err := b.Update(b.ctx(), &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}); err != nil {
		t.Fatal(err)
	}
	s, err := b.Stats(b.ctx())
	if err != nil || s.Pids.Limit != 77 || s.Pids.Current == 0 {
		t.Errorf("%+v, %v", s.Pids, err)
	}
}

func TestOutOfMemoryIsSaid(t *testing.T) {
	n := newNode(t)
	b := n.box("dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1")
	limit := int64(32 << 20)
	b.req.Spec.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit, Swap: &limit}
	e, _ := b.run()
	if !e.OOM || e.Code != 137 {
		t.Errorf("%+v", e)
	}
}

func TestUnsafeProgramIsNotExecuted(t *testing.T) {
	n := newNode(t)
	n.open(n.dir, randomHex(4)) // with programs of its own
	b := n.box("true")
	if err := os.Remove(n.supervisor.Path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.supervisor.Path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var unsafe *UnsafeRuntimeError
	if _, err := n.Prepare(b.ctx(), b.prep); !errors.As(err, &unsafe) {
		t.Errorf("got %v", err)
	}
}
