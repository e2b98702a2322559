package workloads_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bailey-run/bailey/test/harness"
	"github.com/bailey-run/bailey/test/harness/debian"
	"github.com/bailey-run/bailey/test/workloads"
)

// patience is how long a service may take to do what it is asked, on a busy machine too.
const patience = 90 * time.Second

// workload is a program that runs in the default posture.
type workload struct {
	name string
	run  []string // options of bailey run, image and command
	// first asks for everything that the workload can do, right after its start; what it stores must last.
	first func(*testing.T, service)
	// again sees through the published port that it serves and has what first stored. It needs no daemon.
	again func(*testing.T, service)
}

// all are the workloads of docs/compatibility.md.
var all = []workload{postgres, redis, nats, nginx, hello, python, node, cron}

// service is a workload that runs.
type service struct {
	*harness.Node
	name string
}

// TestWorkloads runs real programs, made as the well-known images of them are made, with nothing relaxed: together, across a
// daemon that is killed, across their own restarts and their own death.
func TestWorkloads(t *testing.T) {
	n := harness.NewEmpty(t, harness.Options{Policy: heedable})
	load(t, n, workloads.All()...)
	n.MustBailey(t, "network", "create", "app")

	t.Run("start", func(t *testing.T) {
		for _, w := range all {
			n.MustBailey(t, append([]string{"run", "-d", "--name", w.name}, w.run...)...)
		}
		for _, w := range all {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				s := service{n, w.name}
				w.first(t, s)
				w.again(t, s)
				s.unrelaxed(t)
			})
		}
	})
	t.Run("drops", func(t *testing.T) { drops(t, n) })
	t.Run("nginx as Debian ships it", func(t *testing.T) { shipped(t, n) })
	t.Run("habits", func(t *testing.T) { heed(t, n) })
	again := func(t *testing.T) {
		for _, w := range all {
			t.Run(w.name, func(t *testing.T) { w.again(t, service{n, w.name}) })
		}
	}
	t.Run("daemon killed", func(t *testing.T) {
		if err := n.Kill(); err != nil {
			t.Fatal(err)
		}
		again(t)
		if err := n.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		again(t)
	})
	names := make([]string, 0, len(all))
	for _, w := range all {
		names = append(names, w.name)
	}
	t.Run("restarted", func(t *testing.T) {
		n.MustBailey(t, append([]string{"restart"}, names...)...)
		again(t)
	})
	t.Run("killed", func(t *testing.T) {
		n.MustBailey(t, append([]string{"kill"}, names...)...)
		n.MustBailey(t, append([]string{"wait"}, names...)...)
		n.MustBailey(t, append([]string{"start"}, names...)...)
		again(t)
	})
}

// load makes images, two at a time, and loads them into a node. Where they cannot be made the test is skipped, and says why.
func load(t *testing.T, n *harness.Node, images ...debian.Image) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(2)
	for _, image := range images {
		group.Go(func() error {
			read, write := io.Pipe()
			go func() { write.CloseWithError(image.Write(ctx, write)) }()
			err := n.LoadFrom(ctx, read)
			read.CloseWithError(err)
			return err
		})
	}
	err := group.Wait()
	if lack := (*debian.LackError)(nil); errors.As(err, &lack) {
		t.Skip(lack)
	}
	archive, failed := harness.HelloArchive(t.Context(), "hello:scratch")
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	if err := n.Load(t.Context(), archive); err != nil {
		t.Fatal(err)
	}
}

// unrelaxed fails the test when the posture of the workload is weaker than the default in anything.
func (s service) unrelaxed(t *testing.T) {
	t.Helper()
	var controls []struct {
		Control, Actual string
		Relaxed         bool
	}
	if err := json.Unmarshal([]byte(s.MustBailey(t, "posture", "--format", "json", s.name)), &controls); err != nil {
		t.Fatal(err)
	}
	if len(controls) == 0 {
		t.Fatal("bailey posture showed no controls")
	}
	for _, c := range controls {
		if c.Relaxed {
			t.Errorf("%s is relaxed: %s", c.Control, c.Actual)
		}
	}
}

// eventually tries until there is no error, and fails the test when there still is one at the end of its patience.
func (s service) eventually(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, patience/6)
		err := try(attempt)
		done()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			logs := s.Bailey(context.WithoutCancel(ctx), "logs", "--tail", "30", s.name)
			t.Fatalf("%s: %s: %v\nit printed:\n%s%s", s.name, what, err, logs.Stdout, logs.Stderr)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// dial connects to a published port, with a deadline for all that follows.
func (s service) dial(ctx context.Context, port string) (net.Conn, error) {
	conn, err := s.Dial(ctx, "tcp", "127.0.0.1:"+port)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	return conn, conn.SetDeadline(deadline)
}

// inside runs a command in the workload's container.
func (s service) inside(t *testing.T, command ...string) string {
	t.Helper()
	return strings.TrimSpace(s.MustBailey(t, append([]string{"exec", s.name}, command...)...))
}
