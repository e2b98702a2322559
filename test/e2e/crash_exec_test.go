package e2e

import (
	"bytes"
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// crashExecs drives the execs of one container.
type crashExecs struct {
	t    *testing.T
	node *harness.Node
	id   string
}

func (e crashExecs) create(options client.ExecCreateOptions) string {
	e.t.Helper()
	made, err := e.node.Client.ExecCreate(e.t.Context(), e.id, options)
	if err != nil {
		e.t.Fatal(err)
	}
	return made.ID
}

// detached starts a script and leaves it.
func (e crashExecs) detached(script string) string {
	e.t.Helper()
	id := e.create(client.ExecCreateOptions{Cmd: []string{"sh", "-c", script}})
	if _, err := e.node.Client.ExecStart(e.t.Context(), id, client.ExecStartOptions{Detach: true}); err != nil {
		e.t.Fatal(err)
	}
	return id
}

func (e crashExecs) state(id string) client.ExecInspectResult {
	e.t.Helper()
	got, err := e.node.Client.ExecInspect(e.t.Context(), id, client.ExecInspectOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	return got
}

// ended waits until an exec has ended and checks its code.
func (e crashExecs) ended(what, id string, code int) {
	e.t.Helper()
	eventually(e.t, 15*time.Second, what+" has ended", func() bool { return !e.state(id).Running })
	if got := e.state(id).ExitCode; got != code {
		e.t.Errorf("%s ended with %d, want %d", what, got, code)
	}
}

func (e crashExecs) crash() {
	e.t.Helper()
	if err := e.node.Kill(); err != nil {
		e.t.Fatal(err)
	}
}

func (e crashExecs) up() {
	e.t.Helper()
	if err := e.node.Up(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
}

// TestExecsOutliveTheDaemon: what was created, started or had ended when the daemon was killed, and what ended before the next
// one came, is known to that one.
func TestExecsOutliveTheDaemon(t *testing.T) {
	node := harness.New(t, harness.Options{})
	e := crashExecs{t, node, launch(t, node, shell("host", "sleep 1000"))}
	over := e.detached("exit 4")
	e.ended("the one before", over, 4)
	meanwhile := e.detached("until [ -e /tmp/down ]; do sleep 0.02; done; exit 7")
	on := e.detached("until [ -e /tmp/go ]; do sleep 0.02; done; exit 3")
	pid := e.state(on).PID
	waiting := e.create(client.ExecCreateOptions{Cmd: []string{"echo", "late"}, AttachStdout: true})
	reader := e.create(client.ExecCreateOptions{Cmd: []string{"sh", "-c", "cat >/tmp/read; exit 5"}, AttachStdin: true, AttachStdout: true})
	stream, err := node.Client.ExecAttach(t.Context(), reader, client.ExecAttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if _, err := stream.Conn.Write([]byte("before\n")); err != nil {
		t.Fatal(err)
	}
	many := make([]string, 80) // more than a supervisor keeps of those whose end was told
	for i := range many {
		many[i] = e.detached(fmt.Sprintf("until [ -e /tmp/down ]; do sleep 0.2; done; exit %d", 10+i))
	}
	if _, code, err := run(t.Context(), node, e.id, "sh", "-c", "until grep -q before /tmp/read; do sleep 0.02; done; (sleep 0.3; : >/tmp/down) >/dev/null 2>&1 &"); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	ends := e.state(meanwhile).PID
	e.crash()
	if _, err := io.Copy(io.Discard, stream.Reader); err == nil {
		t.Log("the attached client's stream ended without an error")
	}
	eventually(t, 15*time.Second, "an exec ends without a daemon", func() bool { return syscall.Kill(ends, 0) != nil })
	time.Sleep(500 * time.Millisecond) // the others' pause
	e.up()

	if got := e.state(over); got.Running || got.ExitCode != 4 {
		t.Errorf("the one that had ended is %+v", got)
	}
	e.ended("the one that ended meanwhile", meanwhile, 7)
	if got := e.state(on); !got.Running || got.PID != pid {
		t.Errorf("the one that runs on was process %d and is %+v", pid, got)
	}
	for i, id := range many {
		e.ended(fmt.Sprintf("number %d", i), id, 10+i)
	}
	e.ended("the one whose client is gone", reader, 5)
	again, err := node.Client.ExecAttach(t.Context(), waiting, client.ExecAttachOptions{})
	if err != nil {
		t.Fatal("what was only created does not start:", err)
	}
	defer again.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, again.Reader); err != nil || out.String() != "late\n" {
		t.Errorf("it said %q, %v", out.String(), err)
	}
	e.ended("the one that started late", waiting, 0)
	if _, err := node.Client.ExecStart(t.Context(), over, client.ExecStartOptions{Detach: true}); err == nil {
		t.Error("an exec ran a second time")
	}
	// Over another crash, and to an end that the third daemon sees.
	e.crash()
	e.up()
	if _, code, err := run(t.Context(), node, e.id, "touch", "/tmp/go"); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	e.ended("the one that ran on", on, 3)
	e.ended("the one that ended long ago", meanwhile, 7)
}

// TestExecsEndWithTheirContainer: also when nobody looks.
func TestExecsEndWithTheirContainer(t *testing.T) {
	node := harness.New(t, harness.Options{})
	id := launch(t, node, shell("short", "until [ -e /tmp/end ]; do sleep 0.02; done; sleep 0.3; exit 6"))
	e := crashExecs{t, node, id}
	endless := e.detached("sleep 1000")
	first := inspect(t, node, id).State.Pid
	if _, code, err := run(t.Context(), node, id, "touch", "/tmp/end"); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	e.crash()
	eventually(t, 10*time.Second, "the container ends without a daemon", func() bool { return syscall.Kill(first, 0) != nil })
	e.up()
	if got := inspect(t, node, id).State; got.Running || got.ExitCode != 6 {
		t.Errorf("the container is %+v", got)
	}
	e.ended("its exec", endless, 137)
	if _, err := node.Client.ContainerRemove(t.Context(), id, client.ContainerRemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := node.Client.ExecInspect(t.Context(), endless, client.ExecInspectOptions{}); err == nil {
		t.Error("an exec outlived its container's removal")
	}
}
