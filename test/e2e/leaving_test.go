package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/test/harness"
)

// TestClientLeaves: a container that was asked to stop gets all of its grace when whoever asked leaves, and one that is
// restarted comes back.
func TestClientLeaves(t *testing.T) {
	node := harness.New(t, harness.Options{})
	const polite = "trap 'sleep 1; exit 7' TERM; echo ready; while :; do sleep 0.1; done"
	for name, ask := range map[string]func(context.Context, string) error{
		"stopped": func(ctx context.Context, id string) error {
			_, err := node.Client.ContainerStop(ctx, id, client.ContainerStopOptions{})
			return err
		},
		"restarted": func(ctx context.Context, id string) error {
			_, err := node.Client.ContainerRestart(ctx, id, client.ContainerRestartOptions{})
			return err
		},
	} {
		id := launch(t, node, shell(name, polite))
		eventually(t, 30*time.Second, "the container to be ready", func() bool {
			out, err := logged(t.Context(), node, id)
			return err == nil && out == "ready\n"
		})
		before := inspect(t, node, id).State.StartedAt
		ctx, leave := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := ask(ctx, id); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%s: %v", name, err)
		}
		leave()
		eventually(t, 30*time.Second, name+" as was asked", func() bool {
			s := inspect(t, node, id).State
			if name == "restarted" {
				return s.Running && s.StartedAt != before
			}
			return !s.Running && s.ExitCode == 7
		})
	}
}

// TestHostMountWithMountsBelow: a path of the host that has something mounted below can be mounted, with that, which belongs to
// nobody in the container.
func TestHostMountWithMountsBelow(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: a node makes namespaces, control groups and mounts")
	}
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755))
	}
	below := filepath.Join(dir, "below")
	must(t, os.Mkdir(below, 0o755))
	node := harness.New(t, harness.Options{Policy: fmt.Sprintf("[[host-mount]]\npath = %q\ncallers = [\"*\"]\nreason = \"this test\"\n", dir)})
	must(t, node.Do(func() error {
		if err := unix.Mount("tmpfs", below, "tmpfs", 0, "mode=0755"); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(below, "file"), nil, 0o644)
	}))
	options := shell("looks", "stat -c '%U %n' /host/below/file; touch /host/below/new || echo no; touch /host/own && echo yes")
	options.HostConfig.Mounts = []mount.Mount{{Type: mount.TypeBind, Source: dir, Target: "/host"}}
	id := launch(t, node, options)
	eventually(t, 30*time.Second, "the container to end", func() bool { return inspect(t, node, id).State.Status == container.StateExited })
	if out, err := logged(t.Context(), node, id); err != nil || strings.TrimSpace(out) != "nobody /host/below/file\nno\nyes" {
		t.Errorf("%q %v", out, err)
	}
}
