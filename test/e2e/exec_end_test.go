package e2e

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// TestExecThatNeverRan: an exec that could not begin is not told as exit status 0, whose absence clients take for it.
func TestExecThatNeverRan(t *testing.T) {
	node := harness.New(t, harness.Options{})
	id := launch(t, node, shell("gone", "sleep 1000"))
	e := crashExecs{t, node, id}
	exec := e.create(client.ExecCreateOptions{Cmd: []string{"true"}, AttachStdout: true, AttachStderr: true})
	// Its supervisor cannot be reached any more.
	sockets, err := filepath.Glob(filepath.Join(node.Dir, "*", id, "ctl.sock"))
	if err != nil || len(sockets) != 1 {
		t.Fatal(sockets, err)
	}
	if err := os.Rename(sockets[0], sockets[0]+".away"); err != nil {
		t.Fatal(err)
	}
	attached, err := node.Client.ExecAttach(t.Context(), exec, client.ExecAttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(attached.Reader)
	if err != nil || !strings.Contains(string(said), "is not running") {
		t.Errorf("%q, %v", said, err)
	}
	attached.Close()
	e.ended("an exec that never ran", exec, 1)
	if r := node.Bailey(t.Context(), "exec", "gone", "true"); r.Code != 1 || !strings.Contains(r.Stderr, "is not running") {
		t.Errorf("bailey exec: %+v", r)
	}
	if err := os.Rename(sockets[0]+".away", sockets[0]); err != nil {
		t.Fatal(err)
	}
	if out, code, err := run(t.Context(), node, id, "echo", "back"); err != nil || code != 0 || !strings.Contains(out, "back") {
		t.Error(out, code, err)
	}
}

// TestExecWhileItsContainerEnds: whatever a kill meets, what says that it has ended well has run.
func TestExecWhileItsContainerEnds(t *testing.T) {
	node := harness.New(t, harness.Options{})
	for range 6 {
		id := launch(t, node, shell("", "sleep 1000"))
		var execs sync.WaitGroup
		for range 4 {
			execs.Go(func() {
				r := node.Bailey(t.Context(), "exec", id, "echo", "ran")
				switch {
				case r.Code == 0 && r.Stdout == "ran\n", r.Code == 137:
				case r.Code == 1 && strings.Contains(r.Stderr, "is not running"):
				default:
					t.Errorf("%+v", r)
				}
			})
		}
		if _, err := node.Client.ContainerKill(t.Context(), id, client.ContainerKillOptions{}); err != nil {
			t.Error(err)
		}
		execs.Wait()
	}
}
