package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

const buildProject = `
services:
  app:
    build: {context: ., args: {WORD: built}}
    command: sleep 1000
    volumes: ["/app/src"]
    stop_grace_period: 0s
    develop:
      watch:
        - {action: sync, path: ./src, target: /app/src}
        - {action: rebuild, path: ./message}
`

const buildFile = `FROM busybox:test
ARG WORD
COPY message /app/
COPY src /app/src
RUN echo $WORD > /app/word
`

// TestComposeBuild: up --build makes the image with the node's builder, and watch syncs into a volume and rebuilds.
func TestComposeBuild(t *testing.T) {
	node := harness.New(t, harness.Options{})
	p := composed(t, node, "bailey-compose", "building", map[string]string{
		"compose.yaml": buildProject, "Dockerfile": buildFile, "message": "one", "src/a": "first"})
	p.ok(t, "up", "-d", "--build")
	shows := func() string { return p.ok(t, "exec", "-T", "app", "cat", "/app/word", "/app/message", "/app/src/a") }
	equal(t, "the image", shows(), "built\nonefirst")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch, err := p.Compose(ctx, p.client, p.dir, "--ansi", "never", "--progress", "plain", "watch", "--no-up")
	if err != nil {
		t.Fatal(err)
	}
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	watch.Stdout, watch.Stderr = said, said
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = watch.Wait() })
	eventually(t, stockWithin, "Compose watches", func() bool {
		text, err := os.ReadFile(said.Name())
		return err == nil && strings.Contains(string(text), "Watch enabled")
	})
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("src/a", "second")
	eventually(t, stockWithin, "the file is synced", func() bool { return shows() == "built\nonesecond" })
	write("message", "two")
	eventually(t, 2*stockWithin, "the image is rebuilt and the service with it", func() bool {
		r := p.try(t, t.Context(), "exec", "-T", "app", "cat", "/app/message")
		return r.Code == 0 && r.Stdout == "two"
	})
}

const bakeProject = `
services:
  app:
    build:
      context: .
      secrets: [token]
      dockerfile_inline: |
        FROM busybox:test
        RUN --mount=type=secret,id=token test "$(wc -c < /run/secrets/token)" -eq 23 && echo seen > /seen
    command: cat /seen
secrets:
  token: {environment: TOKEN}
`

// TestComposeBake: with the buildx plug-in Compose builds by its bake, which has what the classic protocol lacks.
func TestComposeBake(t *testing.T) {
	if !harness.HasDocker() {
		t.Skip("the stock docker command line, whose plug-in buildx is, is not installed here")
	}
	node := harness.New(t, harness.Options{})
	if err := node.ComposeWithBuildx(t.Context(), "bailey-compose"); err != nil {
		t.Fatal(err)
	}
	p := composed(t, node, "bailey-compose", "baking", map[string]string{"compose.yaml": bakeProject})
	p.env = []string{"TOKEN=hush-what-is-baked-here"}
	p.ok(t, "up", "--build", "-d")
	p.logs(t, "app", "seen")
	if found := holding(t, node.Dir, "hush-what-is-baked-here"); len(found) > 0 {
		t.Errorf("the build's secret is on disk: %v", found)
	}
}

const handedProject = `
services:
  a:
    image: busybox:test
    command: ["sh", "-c", "printf '\\033]0;owned\\007\\n' | tee /tmp/said; exec sleep 1000"]
    stop_grace_period: 0s
`

// TestBaileyCompose: `bailey compose` hands over to Compose, with its exit status, and leads it to the chosen node whatever Docker's
// variables say.
func TestBaileyCompose(t *testing.T) {
	node := harness.New(t, harness.Options{})
	p := composed(t, node, "bailey-compose", "handed", map[string]string{
		"compose.yaml": handedProject})
	program, err := harness.Client(t.Context(), "bailey-compose")
	if err != nil {
		t.Fatal(err)
	}
	installed := filepath.Join(t.TempDir(), "bin")
	for from, to := range map[string]string{os.Getenv("BAILEY_BIN"): "bailey", program: "../libexec/bailey/bailey-compose"} {
		if from == "" {
			t.Skip("needs BAILEY_BIN, the built bailey")
		}
		to = filepath.Join(installed, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bailey := func(args ...string) harness.Result {
		cmd := node.BaileyCommand(t.Context(), append([]string{"compose"}, args...)...)
		cmd.Path, cmd.Dir = filepath.Join(installed, "bailey"), p.dir
		cmd.Env = append(cmd.Env, "DOCKER_HOST=unix:///nowhere.sock", "DOCKER_CONTEXT=nowhere")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		return harness.Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	}
	if r := bailey("up", "-d"); r.Code != 0 {
		t.Fatalf("up: %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	equal(t, "services", p.ok(t, "ps", "--services"), "a")
	if r := bailey("exec", "-T", "a", "sh", "-c", "exit 9"); r.Code != 9 {
		t.Errorf("exec of exit 9: %d: %s", r.Code, r.Stderr)
	}
	atLogs := func(args ...string) string {
		cmd := node.BaileyCommand(t.Context(), append([]string{"compose"}, args...)...)
		cmd.Path, cmd.Dir = filepath.Join(installed, "bailey"), p.dir
		screen := atTerminal(t, cmd, 24, 80)
		screen.expect("owned")
		if code := screen.wait(); code != 0 {
			t.Errorf("%v: %d", args, code)
		}
		return screen.seen.String()
	}
	const hostile = "\x1b]0;owned\a"
	if shown := atLogs("logs", "a"); strings.Contains(shown, hostile) || !strings.Contains(shown, "^[]0;owned^G") {
		t.Errorf("the terminal is given what a container wrote: %q", shown)
	}
	if shown := atLogs("exec", "a", "cat", "/tmp/said"); !strings.Contains(shown, hostile) {
		t.Errorf("a container that was given the terminal does not have it: %q", shown)
	}
	if err := os.Remove(filepath.Join(installed, "../libexec/bailey/bailey-compose")); err != nil {
		t.Fatal(err)
	}
	if r := bailey("ps"); r.Code == 0 || !strings.Contains(r.Stderr, "make install") {
		t.Errorf("without the program: %d: %s", r.Code, r.Stderr)
	}
}

// TestComposeRefusals: what the posture does not allow is refused to Compose as to everybody, with the line that allows it.
func TestComposeRefusals(t *testing.T) {
	node := harness.New(t, harness.Options{})
	for name, x := range map[string]struct {
		service string
		want    []string
	}{
		"directory":  {`volumes: ["./src:/src"]`, []string{"[[host-mount]]", `/src"`, "A volume needs no permission: -v NAME:/src"}},
		"socket":     {`volumes: ["` + node.Socket + `:/var/run/docker.sock"]`, []string{"root on the host", "No policy can allow it"}},
		"privileged": {`privileged: true`, []string{`rule = "privileged"`}},
		"capability": {`cap_add: [NET_ADMIN]`, []string{`rule = "cap-add"`, `values = ["NET_ADMIN"]`}},
		"host":       {`pid: host`, []string{`rule = "host-namespace"`, `values = ["pid"]`}},
		"device":     {`devices: ["/dev/kmsg:/dev/kmsg"]`, []string{`rule = "device"`}},
		"sysctl":     {`sysctls: {net.ipv4.ip_forward: 1}`, []string{`rule = "sysctl"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := composed(t, node, "bailey-compose", "refused-"+name, map[string]string{
				"compose.yaml": "services:\n  a:\n    image: busybox:test\n    command: sleep 1000\n    " + x.service + "\n", "src/a": ""})
			p.refused(t, x.want, "up", "-d")
		})
	}
}
