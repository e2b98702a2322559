package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/test/harness"
)

// TestBuildRefused: what a build asks for without the policy's leave is refused with the entry that allows it.
func TestBuildRefused(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){
		"the network": func(t *testing.T, s stock) {
			dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN test $(ls /sys/class/net) = lo\nRUN echo wget: Temporary failure in name resolution >&2; exit 4\n"})
			s.refuses(t, dir, nil, "exit code: 4", "ran without a network", `rule = "build-network"`, `values = ["outbound"]`)
		},
		"the host's network": func(t *testing.T, s stock) {
			dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN --network=host true\n"})
			s.refuses(t, dir, []string{"--network", "host"}, `rule = "build-network"`, `values = ["host"]`)
			s.refuses(t, dir, nil, "network.host") // the entitlement was not even asked for
		},
		"without its sandbox": func(t *testing.T, s stock) {
			dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN --security=insecure true\n"})
			s.refuses(t, dir, []string{"--allow", "security.insecure"}, "never runs without its sandbox")
			s.refuses(t, dir, nil, "security")
			s.refuses(t, dir, []string{"--allow", "device"}, "builds have no devices")
		},
		"addresses": func(t *testing.T, s stock) {
			for _, line := range []string{"ADD https://host.example/file /f", "ADD http://169.254.169.254/latest /f", "ADD https://host.example/repository.git#main /f"} {
				dir := directory(t, map[string]string{"Dockerfile": "FROM scratch\n" + line + "\n"})
				s.refuses(t, dir, nil, `rule = "build-source"`, `values = ["http`)
			}
			s.refuses(t, "https://host.example/repository.git", nil, `rule = "build-source"`)
		},
		"a reader of the Dockerfile": func(t *testing.T, s stock) {
			for _, image := range []string{"evil.example/frontend:1", "docker/dockerfile:1-labs", "docker/dockerfile-upstream:master"} {
				dir := directory(t, map[string]string{"Dockerfile": "# syntax=" + image + "\nFROM scratch\n"})
				s.refuses(t, dir, nil, `rule = "build-frontend"`)
			}
			dir := directory(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
			s.refuses(t, dir, []string{"--build-arg", "BUILDKIT_SYNTAX=evil.example/x"}, `rule = "build-frontend"`)
		},
	})
}

// refuses wants a build to fail and to say all of want.
func (s stock) refuses(t *testing.T, dir string, args []string, want ...string) {
	t.Helper()
	r := s.build(t, nil, append(args, dir)...)
	if r.Code == 0 {
		t.Errorf("bailey build %v was not refused: %s", args, r.Stderr)
	}
	for _, text := range want {
		if !strings.Contains(r.Stderr, text) {
			t.Errorf("bailey build %v: the refusal lacks %q: %s", args, text, r.Stderr)
		}
	}
}

// TestBuildAllowed: with the entries that the refusals print.
func TestBuildAllowed(t *testing.T) {
	const site = "127.0.0.1:8765"
	policy := fmt.Sprintf(`
[[allow]]
rule = "build-network"
values = ["outbound", "host"]
callers = ["*"]
reason = "test"
[[allow]]
rule = "build-source"
values = ["http://%s/given/*", "git://127.0.0.1/*"]
callers = ["*"]
reason = "test"
`, site)
	withStock(t, harness.Options{Policy: policy}, map[string]func(*testing.T, stock){
		"the network": func(t *testing.T, s stock) {
			dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + `
RUN ip -4 addr show eth0 && ip route | grep -q default
RUN --network=none test $(ls /sys/class/net) = lo
`})
			s.built(t, dir)
			dir = directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN --network=host test ! -e /sys/class/net/eth0 || cat /proc/self/status | grep NoNewPrivs.*1\n"})
			s.built(t, "--network", "host", dir)
			s.built(t, "--allow", "network.host", dir)
		},
		"files and their digests": func(t *testing.T, s stock) {
			ln, err := s.Room.Listen("tcp", site)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.FileServer(http.Dir(directory(t, map[string]string{"given/f": "fetched", "other": "x"})))}
			go func() { _ = server.Serve(ln) }()
			defer server.Close()
			const sum = "sha256:e70f7ab4a5d77e37ac7ab5b56e8aa44ab9ca8da7a5d5b3b9a5be1f42dbff6ef1"
			add := func(sum, path string) string {
				return directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nADD --checksum=" + sum + " http://" + site + path + " /f\nCMD [\"cat\", \"/f\"]\n"})
			}
			right := sha256Of("fetched")
			s.built(t, "-t", "fetched", add(right, "/given/f"))
			s.prints(t, "fetched", "fetched")
			s.refuses(t, add(sum, "/given/f"), nil, "digest mismatch")
			s.refuses(t, add(sha256Of("x"), "/other"), nil, "build-source")
			s.refuses(t, add(sha256Of("x"), "/given/../other"), nil)
		},
		"a repository": buildRepository,
	})
}

// buildRepository builds from a repository that the node fetches.
func buildRepository(t *testing.T, s stock) {
	base := t.TempDir()
	repo := repository(t, filepath.Join(base, "app"), map[string]string{"Dockerfile": "FROM " + harness.Image + "\nCOPY f /f\nCMD [\"cat\", \"/f\"]\n", "f": "from git"})
	if err := os.Symlink("/etc", filepath.Join(repo, "out")); err != nil {
		t.Fatal(err)
	}
	git(t, repo, "add", "out")
	git(t, repo, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "two")
	commit := git(t, repo, "rev-parse", "HEAD")
	daemon := exec.Command("git", "daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1", "--base-path="+base, base)
	if err := s.Room.Start(daemon); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = daemon.Process.Kill(); _ = daemon.Wait() }()
	var r harness.Result
	eventually(t, 20*time.Second, "the repository is served", func() bool {
		r = s.build(t, nil, "-t", "from-git", "git://127.0.0.1/app")
		return r.Code == 0 || !strings.Contains(r.Stderr, "unable to connect") && !strings.Contains(r.Stderr, "Connection refused")
	})
	if r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	s.prints(t, "from git", "from-git")
	// A directory of the repository that leads out of it (CVE-2026-33748).
	for _, sub := range []string{"out", "../../../../../etc", "out/../../etc"} {
		if r := s.build(t, nil, "-f", "passwd", "git://127.0.0.1/app#main:"+sub); r.Code == 0 || strings.Contains(r.Stderr, "root:x:0:0") || strings.Contains(r.Stderr, "unknown instruction: root:") {
			t.Errorf("%s: %+v", sub, r)
		}
	}
	source := s.provenance(t, "from-git")
	if !strings.Contains(source.URI, "git://127.0.0.1/app") || source.Digest["sha1"] != commit {
		t.Errorf("%+v is not commit %s", source, commit)
	}
}

// repository makes a git repository with one commit.
func repository(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed here")
	}
	if err := os.CopyFS(dir, os.DirFS(directory(t, files))); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "add", ".")
	git(t, dir, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "one")
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}
