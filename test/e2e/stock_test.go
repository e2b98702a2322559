package e2e

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bailey-run/bailey/test/harness"
)

// stockWithin is how long one command line of a stock test may take, on a busy machine too.
const stockWithin = 40 * time.Second

// stock drives a node with the stock docker command line.
type stock struct{ *harness.Node }

// names numbers the containers of all tests.
var names atomic.Int64

// withStock runs tests beside each other on one node.
func withStock(t *testing.T, options harness.Options, tests map[string]func(*testing.T, stock)) {
	t.Helper()
	if !harness.HasDocker() {
		t.Skip("the stock docker command line is not installed here")
	}
	node := stock{harness.New(t, options)}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, node)
		})
	}
}

// do runs a docker command line with a standard input.
func (s stock) do(t *testing.T, stdin io.Reader, args ...string) harness.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stockWithin)
	defer cancel()
	cmd := s.DockerCommand(ctx, args...)
	var stdout, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("docker %v does not end within %v; it printed %q %q", args, stockWithin, stdout.String(), stderr.String())
	}
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return harness.Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// ok runs a docker command line that must succeed, and returns what it printed, without space around it.
func (s stock) ok(t *testing.T, args ...string) string {
	t.Helper()
	r := s.do(t, nil, args...)
	if r.Code != 0 {
		t.Fatalf("docker %v: exit status %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
	}
	return strings.TrimSpace(r.Stdout)
}

// fails runs a docker command line that must fail with an exit status and a message that has all of want.
func (s stock) fails(t *testing.T, code int, want []string, args ...string) {
	t.Helper()
	r := s.do(t, nil, args...)
	if r.Code != code {
		t.Errorf("docker %v: exit status %d, want %d: %s%s", args, r.Code, code, r.Stdout, r.Stderr)
	}
	for _, text := range want {
		if !strings.Contains(r.Stderr, text) {
			t.Errorf("docker %v: the message lacks %q: %s", args, text, r.Stderr)
		}
	}
}

// name is a container name of its own, whose container goes when the test does.
func (s stock) name(t *testing.T) string {
	name := fmt.Sprintf("c%d", names.Add(1))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stockWithin)
		defer cancel()
		s.Docker(ctx, "rm", "-fv", name)
	})
	return name
}

// run starts a container in the background and returns its name. Flags come before the script.
func (s stock) run(t *testing.T, flags []string, script string) string {
	t.Helper()
	name := s.name(t)
	args := append([]string{"run", "-d", "--name", name}, flags...)
	s.ok(t, append(args, harness.Image, "sh", "-c", script)...)
	return name
}

// field is one value of docker inspect.
func (s stock) field(t *testing.T, name, format string) string {
	t.Helper()
	return s.ok(t, "inspect", "--format", "{{"+format+"}}", name)
}

// becomes waits until a value of docker inspect is as wanted.
func (s stock) becomes(t *testing.T, name, format, want string) {
	t.Helper()
	last := ""
	deadline := time.Now().Add(stockWithin / 2)
	for last = s.field(t, name, format); last != want; last = s.field(t, name, format) {
		if time.Now().After(deadline) {
			t.Fatalf("%s of %s is %q and does not become %q", format, name, last, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// logs waits until a container has logged text.
func (s stock) logs(t *testing.T, name, text string) {
	t.Helper()
	eventually(t, stockWithin/2, name+" logs "+text, func() bool { return strings.Contains(s.ok(t, "logs", name), text) })
}

// equal compares two strings.
func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
