package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailey-run/bailey/test/harness"
)

const filesProject = `
services:
  app:
    image: busybox:test
    command: sh -c 'cat /run/secrets/key /etc/app.conf /inline.conf; exec sleep 1000'
    secrets: [key, spoken]
    configs: [{source: app, target: /etc/app.conf}, {source: inline, target: /inline.conf}]
    stop_grace_period: 0s
secrets:
  key: {file: ./key.txt}
  spoken: {environment: SPOKEN}
configs:
  app: {file: ./app.conf}
  inline: {content: "inline\n"}
`

// TestComposeFiles: secrets and configs from files, the environment and the project itself arrive without a mount of the host,
// for reading only, and nothing of what came through the API is on the disk.
func TestComposeFiles(t *testing.T) {
	node := harness.New(t, harness.Options{})
	p := composed(t, node, "bailey-compose", "files", map[string]string{
		"compose.yaml": filesProject, "key.txt": "a-key-in-a-file\n", "app.conf": "first\n"})
	p.env = []string{"SPOKEN=hush-spoken-word\n"}
	p.ok(t, "up", "-d")
	p.logs(t, "app", "a-key-in-a-file\nfirst\ninline")
	id := p.ok(t, "ps", "-q", "app")
	equal(t, "the secret", mustRun(t, node, id, "cat", "/run/secrets/spoken"), "hush-spoken-word\n")
	for _, path := range []string{"/run/secrets/key", "/run/secrets/spoken", "/etc/app.conf", "/inline.conf"} {
		table := mustRun(t, node, id, "grep", " "+path+" ", "/proc/self/mountinfo")
		contains(t, "the mount of "+path, table, "ro,", "noexec", "nosuid", "nodev", "tmpfs")
		if out, code, _ := run(t.Context(), node, id, "sh", "-c", "echo x > "+path); code == 0 {
			t.Errorf("%s can be written: %s", path, out)
		}
	}
	if found := holding(t, node.Dir, "hush-spoken-word"); len(found) > 0 {
		t.Errorf("the secret is on disk: %v", found)
	}
	if found := holding(t, node.Dir, "inline.conf"); len(found) == 0 {
		t.Error("the search does not find what is there")
	}
	contains(t, "the posture", node.MustBailey(t, "posture", id), "/etc/app.conf (a copy of "+p.dir+"/app.conf, which uid 0 may read)", "/run/secrets/spoken (")

	// A start reads again, also after the daemon was killed.
	if err := os.WriteFile(filepath.Join(p.dir, "app.conf"), []byte("second\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := node.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.ok(t, "restart", "-t", "0", "app")
	p.logs(t, "app", "a-key-in-a-file\nsecond\ninline")
	equal(t, "the secret", mustRun(t, node, id, "cat", "/run/secrets/spoken"), "hush-spoken-word\n")
}

// TestCopiesAreTheCallers: a file of the host is copied only for who may read it, and nothing that is the kernel's, the node's, or no
// file at all.
func TestCopiesAreTheCallers(t *testing.T) {
	if !harness.HasDocker() {
		t.Skip("the stock docker command line is not installed here")
	}
	node := harness.New(t, harness.Options{})
	if err := os.Chmod(node.Socket, 0o666); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for at := dir; at != "/tmp" && at != "/"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, mode os.FileMode, size int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Repeat("x", size)), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	open, closed, large := write("open", 0o644, 5), write("closed", 0o600, 5), write("large", 0o644, 5<<20)
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	create := func(uid uint32, source, options string) harness.Result {
		t.Helper()
		cmd := node.DockerCommand(t.Context(), "create", "-v", source+":/in"+options, harness.Image, "true")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		cmd.Env = append(cmd.Env, "HOME=/", "DOCKER_CONFIG=/nowhere")
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
		_ = cmd.Run()
		return harness.Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	}
	const nobody = 65534
	for _, x := range []struct {
		what, source, options string
		uid                   uint32
		want                  string // "" when it must be delivered
	}{
		{"one's own to read", open, ":ro", nobody, ""},
		{"another's", closed, ":ro", nobody, "read as uid 65534, who may not read it"},
		{"twin: root's by root", closed, ":ro", 0, ""},
		{"the passwords of the host", "/etc/shadow", ":ro", nobody, "may not read it"},
		{"the passwords of the host, by root", "/etc/shadow", ":ro", 0, "may not read it"},
		{"twin: what all may read of /etc", "/etc/passwd", ":ro", 0, ""},
		{"for writing", open, "", nobody, `refused by rule "host-mount"`},
		{"the node's key", filepath.Join(node.Dir, "secrets/node.key"), ":ro", 0, `refused by rule "host-mount"`},
		{"the daemon's environment", "/proc/self/environ", ":ro", 0, `refused by rule "host-mount"`},
		{"the node's socket", node.Socket, ":ro", 0, `refused by rule "host-mount"`},
		{"a FIFO", fifo, ":ro", nobody, `refused by rule "host-mount"`},
		{"a directory", dir, ":ro", nobody, `refused by rule "host-mount"`},
		{"too much", large, ":ro", nobody, "put what is larger into a volume"},
	} {
		r := create(x.uid, x.source, x.options)
		if x.want == "" && r.Code != 0 || x.want != "" && (r.Code == 0 || !strings.Contains(r.Stderr, x.want)) {
			t.Errorf("%s: status %d: %s", x.what, r.Code, r.Stderr)
		}
	}
}

// TestCopyBeforeStart: what docker cp puts into a container that does not run is there when it does: in its volume, or
// delivered. What cannot be delivered is said.
func TestCopyBeforeStart(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){
		"files": func(t *testing.T, s stock) {
			name, dir := s.name(t), t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "f"), []byte("carried\n"), 0o640); err != nil {
				t.Fatal(err)
			}
			s.ok(t, "create", "--name", name, "-v", "/vol", harness.Image, "sh", "-c", "cat /opt/f /vol/f; stat -c %a /opt/f; touch /vol/mine; exec sleep 1000")
			s.ok(t, "cp", filepath.Join(dir, "f"), name+":/vol/f")
			s.ok(t, "cp", dir+"/.", name+":/opt")
			s.ok(t, "start", name)
			s.logs(t, name, "carried\ncarried\n440")
			s.ok(t, "kill", name)
			s.ok(t, "start", name)
			s.logs(t, name, "carried\ncarried\n440\ncarried\ncarried\n440")
		},
		"links": func(t *testing.T, s stock) {
			name, dir := s.name(t), t.TempDir()
			if err := os.Symlink("/etc/shadow", filepath.Join(dir, "l")); err != nil {
				t.Fatal(err)
			}
			s.ok(t, "create", "--name", name, harness.Image, "true")
			s.fails(t, 1, []string{"only files and directories"}, "cp", dir+"/.", name+":/opt")
			s.fails(t, 1, []string{"sandbox's own"}, "cp", "/etc/hostname", name+":/proc/self")
		},
	})
}
