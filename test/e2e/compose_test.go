package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/test/harness"
)

// project is a Compose project on a node, driven by a real Compose.
type project struct {
	*harness.Node
	client, dir string
	env         []string // of the command lines
}

// composed lays a project's files out, removes what it made when the test ends, and fails the test when something is left.
func composed(t *testing.T, node *harness.Node, client, name string, files map[string]string) *project {
	t.Helper()
	p := &project{Node: node, client: client, dir: filepath.Join(t.TempDir(), name)}
	for path, text := range files {
		path = filepath.Join(p.dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stockWithin)
		defer cancel()
		if r := p.try(t, ctx, "--profile", "*", "down", "-v", "-t", "0", "--remove-orphans"); r.Code != 0 {
			t.Errorf("down: %s", r.Stderr)
		}
		if left := node.Docker(ctx, "ps", "-aq", "--filter", "label=com.docker.compose.project="+name); left.Stdout != "" {
			t.Errorf("down leaves containers: %s", left.Stdout)
		}
	})
	return p
}

// try runs a command line of Compose.
func (p *project) try(t *testing.T, ctx context.Context, args ...string) harness.Result {
	t.Helper()
	cmd, err := p.Compose(ctx, p.client, p.dir, append([]string{"--ansi", "never", "--progress", "plain"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, p.env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return harness.Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// ok runs a command line that must succeed and returns what it printed.
func (p *project) ok(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*stockWithin)
	defer cancel()
	r := p.try(t, ctx, args...)
	if r.Code != 0 {
		t.Fatalf("compose %v: exit status %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
	}
	return strings.TrimSpace(r.Stdout)
}

// refused runs a command line that must fail with a message that has all of want.
func (p *project) refused(t *testing.T, want []string, args ...string) {
	t.Helper()
	r := p.try(t, t.Context(), args...)
	if r.Code == 0 {
		t.Errorf("compose %v succeeds", args)
	}
	for _, text := range want {
		if !strings.Contains(r.Stderr, text) {
			t.Errorf("compose %v: the message lacks %q: %s", args, text, r.Stderr)
		}
	}
}

// logs waits until a service has logged text.
func (p *project) logs(t *testing.T, service, text string) {
	t.Helper()
	eventually(t, stockWithin/2, service+" logs "+text, func() bool {
		return strings.Contains(p.ok(t, "logs", "--no-log-prefix", service), text)
	})
}

// contains fails the test when a text lacks one of the others.
func contains(t *testing.T, what, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q: %s", what, w, text)
		}
	}
}

// composes are the versions of Compose that the life of a project is tried with.
var composes = map[string]string{"bailey-compose": "v5.6.0", "compose2": "v2.40.3"}

const lifeProject = `
services:
  web:
    image: busybox:test
    command: sh -c 'echo "hello $$NAME $$COLOUR" > /tmp/index.html; exec httpd -f -p 8080 -h /tmp'
    environment: {NAME: web}
    env_file: web.env
    ports: ["8080"]
    networks: {front: {aliases: [www]}}
    volumes: ["data:/data"]
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"]
      interval: 200ms
      retries: 50
  asks:
    image: busybox:test
    command: sh -c 'wget -q -O - http://web:8080/; wget -q -O - http://www:8080/; exec sleep 1000'
    depends_on: {web: {condition: service_healthy}}
    networks: [front]
    stop_grace_period: 0s
  once:
    image: busybox:test
    command: sh -c 'sleep 3; exit 7'
    profiles: [job]
networks: {front: {}}
volumes: {data: {}}
`

// TestComposeLife: every verb of Compose that a day's work needs, with each Compose.
func TestComposeLife(t *testing.T) {
	node := harness.New(t, harness.Options{})
	for client, version := range composes {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			p := composed(t, node, client, "life"+client, map[string]string{"compose.yaml": lifeProject, "web.env": "COLOUR=blue\n"})
			contains(t, "version", p.ok(t, "version"), version)
			p.ok(t, "config", "--quiet")
			p.ok(t, "up", "-d", "--wait")
			p.logs(t, "asks", "hello web blue\nhello web blue")
			equal(t, "services that run", p.ok(t, "ps", "--services"), "asks\nweb")
			lifeVerbs(t, p)
			lifeStates(t, p)
			p.ok(t, "--profile", "*", "down", "-v", "-t", "0", "--remove-orphans")
			for _, kind := range []string{"network", "volume"} {
				equal(t, kind+"s after down -v", node.MustDocker(t, kind, "ls", "-q", "--filter", "label=com.docker.compose.project=life"+client), "")
			}
		})
	}
}

// lifeVerbs tries what looks at running services and works in them.
func lifeVerbs(t *testing.T, p *project) {
	equal(t, "exec", p.ok(t, "exec", "-T", "web", "sh", "-c", "echo $NAME; exit 0"), "web")
	if r := p.try(t, t.Context(), "exec", "-T", "web", "sh", "-c", "exit 9"); r.Code != 9 {
		t.Errorf("exec of exit 9: status %d: %s", r.Code, r.Stderr)
	}
	equal(t, "run", p.ok(t, "run", "--rm", "-T", "asks", "echo", "ran"), "ran")
	address := p.ok(t, "port", "web", "8080")
	contains(t, "port", address, "127.0.0.1:")
	text, err := fetch(t, p.Node, address)
	if err != nil || !strings.Contains(text, "hello web blue") {
		t.Errorf("the published port says %q, %v", text, err)
	}
	contains(t, "top", p.ok(t, "top", "web"), "httpd")
	contains(t, "stats", p.ok(t, "stats", "--no-stream"), "web-1", "asks-1")
	contains(t, "images", p.ok(t, "images"), "busybox")
	p.ok(t, "cp", "compose.yaml", "web:/data/in.yaml")
	p.ok(t, "cp", "web:/data/in.yaml", "out.yaml")
	out, err := os.ReadFile(filepath.Join(p.dir, "out.yaml"))
	if err != nil || string(out) != lifeProject {
		t.Errorf("copied in and out: %v\n%s", err, out)
	}
}

// lifeStates moves services from state to state.
func lifeStates(t *testing.T, p *project) {
	p.ok(t, "up", "-d", "--no-recreate", "--scale", "asks=3")
	equal(t, "containers of asks", p.ok(t, "ps", "asks", "--format", "{{.State}}"), "running\nrunning\nrunning")
	p.ok(t, "pause", "web")
	equal(t, "paused", p.ok(t, "ps", "web", "--format", "{{.State}}"), "paused")
	p.ok(t, "unpause", "web")
	p.ok(t, "restart", "-t", "0", "asks")
	p.ok(t, "kill", "-s", "KILL", "asks")
	equal(t, "killed", p.ok(t, "ps", "-a", "asks", "--format", "{{.State}} {{.ExitCode}}"), "exited 137\nexited 137\nexited 137")
	p.ok(t, "start", "asks")
	p.ok(t, "stop", "-t", "0", "asks")
	equal(t, "services that run", p.ok(t, "ps", "--services"), "web")
	p.ok(t, "rm", "-f", "asks")
	p.ok(t, "--profile", "job", "up", "-d", "once")
	if r := p.try(t, t.Context(), "wait", "once"); r.Code != 7 {
		t.Errorf("wait: status %d, want the service's 7: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	ctx, cancel := context.WithTimeout(t.Context(), stockWithin)
	defer cancel()
	events, err := p.Compose(ctx, p.client, p.dir, "events", "--json", "--since", "10m", "--until", "0s")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := events.CombinedOutput() // Compose calls the end of the stream an error, with every engine
	contains(t, "events", string(text), `"action":"kill"`, `"service":"asks"`, `"exitCode":"137"`)
}

// fetch is what an HTTP server at an address of the node's host answers.
func fetch(t *testing.T, node *harness.Node, address string) (string, error) {
	t.Helper()
	conn, err := node.Dial(t.Context(), "tcp4", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		return "", err
	}
	var text strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			return text.String(), nil
		}
	}
}
