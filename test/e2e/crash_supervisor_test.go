package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// supervisorReason must be among the words of a container whose supervisor was killed.
const supervisorReason = "supervisor"

// killSupervisor kills the one supervisor of a node, with or without its daemon.
func killSupervisor(t *testing.T, node *harness.Node) {
	t.Helper()
	pids := node.Supervisors()
	if len(pids) != 1 {
		t.Fatalf("the node has the supervisors %v, want one", pids)
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// TestSupervisorKilled: a container without its supervisor is stopped, and everyone is told why. Nothing of it goes on.
func TestSupervisorKilled(t *testing.T) {
	for _, down := range []bool{false, true} {
		name := map[bool]string{false: "while the daemon runs", true: "while the daemon is down"}[down]
		t.Run(name, func(t *testing.T) {
			node := harness.New(t, harness.Options{})
			id := launch(t, node, shell("lonely", "echo here; sleep 1000"))
			pid := inspect(t, node, id).State.Pid
			eventually(t, 15*time.Second, "the container has printed its line", func() bool {
				text, err := logged(t.Context(), node, id)
				return err == nil && text == "here\n"
			})
			if down {
				if err := node.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			killSupervisor(t, node)
			if down {
				if err := node.Up(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, 15*time.Second, "the container is known to have ended", func() bool { return !inspect(t, node, id).State.Running })
			state := inspect(t, node, id).State
			if state.Status != container.StateExited || state.ExitCode != 137 || !strings.Contains(state.Error, supervisorReason) {
				t.Errorf("the state is %+v, want an exit with 137 and the reason", state)
			}
			// One that has ended and waits for its new parent to hear of it has no program.
			if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
				t.Errorf("process %d (%s) of the container lives on", pid, exe)
			}
			if text, err := logged(t.Context(), node, id); err != nil || text != "here\n" {
				t.Errorf("the log is %q, %v", text, err)
			}
			// Its next life is like any other.
			if _, err := node.Client.ContainerStart(t.Context(), id, client.ContainerStartOptions{}); err != nil {
				t.Fatal(err)
			}
			if out, code, err := run(t.Context(), node, id, "echo", "again"); err != nil || code != 0 || out != "again\n" {
				t.Errorf("after another start an exec gives %q, %d, %v", out, code, err)
			}
		})
	}
}

// TestSupervisorKilledRestarts: the restart policy sees a killed supervisor as a failure, also one that nobody saw.
func TestSupervisorKilledRestarts(t *testing.T) {
	node := harness.New(t, harness.Options{})
	options := shell("stubborn", "sleep 1000")
	options.HostConfig.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyOnFailure}
	id := launch(t, node, options)
	for _, down := range []bool{false, true} {
		before := inspect(t, node, id).State
		if down {
			if err := node.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		killSupervisor(t, node)
		if down {
			if err := node.Up(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, 15*time.Second, "the container runs again", func() bool {
			now := inspect(t, node, id).State
			// One that waits for its restart is called running too.
			return now.Status == container.StateRunning && now.Pid != before.Pid
		})
		eventually(t, 5*time.Second, "it has one supervisor", func() bool { return len(node.Supervisors()) == 1 })
	}
	if n := inspect(t, node, id).RestartCount; n != 2 {
		t.Errorf("it was restarted twice and counts %d", n)
	}
}

// TestRestartPolicyOverCrash: a container that fails while the daemon is down is restarted by the next one.
func TestRestartPolicyOverCrash(t *testing.T) {
	node := harness.New(t, harness.Options{})
	options := shell("fails", "until [ -e /tmp/fail ]; do sleep 0.02; done; sleep 0.3; exit 5")
	options.HostConfig.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyOnFailure, MaximumRetryCount: 1}
	id := launch(t, node, options)
	first := inspect(t, node, id).State.Pid
	if _, code, err := run(t.Context(), node, id, "sh", "-c", ": >/tmp/fail"); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the container ends without a daemon", func() bool { return syscall.Kill(first, 0) != nil })
	if err := node.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "it runs again", func() bool {
		now := inspect(t, node, id)
		return now.State.Running && now.RestartCount == 1 && now.State.Pid != first
	})
}

// TestTwoNodes: two nodes on one machine share nothing and do not see one another.
func TestTwoNodes(t *testing.T) {
	a, b := harness.New(t, harness.Options{}), harness.New(t, harness.Options{})
	ida, idb := launch(t, a, shell("same", "sleep 1000")), launch(t, b, shell("same", "sleep 1000"))
	if a.Name() == b.Name() {
		t.Errorf("both nodes are called %s", a.Name())
	}
	for _, c := range []struct {
		node *harness.Node
		id   string
	}{{a, ida}, {b, idb}} {
		list, err := c.node.Client.ContainerList(t.Context(), client.ContainerListOptions{All: true})
		if err != nil || len(list.Items) != 1 || list.Items[0].ID != c.id {
			t.Errorf("a node lists %v, %v, want only its own", list.Items, err)
		}
	}
	if ma, mb := uidMap(t, a, ida), uidMap(t, b, idb); ma == mb {
		t.Errorf("two live containers have the same user ids: %s", ma)
	}
	// What one node clears away when it starts is not the other's.
	before := inspect(t, b, idb).State.Pid
	if err := a.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := a.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := inspect(t, b, idb).State; !now.Running || now.Pid != before {
		t.Errorf("the other node's container is %+v", now)
	}
}

// uidMap is how a container's user ids lie on the host.
func uidMap(t *testing.T, node *harness.Node, id string) string {
	t.Helper()
	out, code, err := run(t.Context(), node, id, "cat", "/proc/self/uid_map")
	if err != nil || code != 0 {
		t.Fatalf("uid_map: %q, %d, %v", out, code, err)
	}
	return strings.Join(strings.Fields(out), " ")
}

// TestDestroy: what `bailey destroy --data` leaves of a node with a running container, after a crash, is nothing.
func TestDestroy(t *testing.T) {
	node := harness.New(t, harness.Options{})
	launch(t, node, shell("running", "sleep 1000"))
	if out, err := destroy(t, node); err == nil {
		t.Errorf("a node was destroyed under its daemon: %s", out)
	}
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	if out, err := destroy(t, node); err != nil {
		t.Fatalf("destroy: %v\n%s", err, out)
	}
	if left := node.Leftovers(); len(left) > 0 {
		t.Errorf("left: %s", strings.Join(left, "; "))
	}
	if held := claims(t, node); held != 0 {
		t.Errorf("%d claims of user ids are left", held)
	}
	if left := traces(t, node); len(left) > 0 {
		t.Errorf("left: %s", strings.Join(left, "; "))
	}
}

// destroy runs `bailey destroy --data` where the node's network is.
func destroy(t *testing.T, node *harness.Node) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := node.BaileyCommand(t.Context(), "destroy", "--dir", node.Dir, "--data")
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, time.Second
	if err := node.Room.Start(cmd); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	return out.String(), err
}
