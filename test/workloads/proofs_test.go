package workloads_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/prove"
	"github.com/bailey-run/bailey/test/harness"
	"github.com/bailey-run/bailey/test/workloads"
)

const proofs = "../../examples/proofs"

// TestProofSuites runs the examples of docs/proof-suites.md as their reader would, and again with the mistakes put back.
func TestProofSuites(t *testing.T) {
	n := harness.NewEmpty(t, harness.Options{})
	load(t, n, workloads.Python())
	n.MustBailey(t, "build", "-q", "--build-arg", "BASE=python:debian", "-t", "bailey-example/shop", filepath.Join(proofs, "shop"))
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("b5f1c0ffee"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.MustBailey(t, "secret", "create", "shop-password", secret)

	expect := func(name, dir string, code int, want prove.Verdict, of ...string) {
		t.Helper()
		report := suite(t, n, dir, code)
		if len(report.Results) != 2 {
			t.Errorf("%s: %d results", name, len(report.Results))
		}
		for _, r := range report.Results {
			wanted := prove.Blocked
			for _, x := range of {
				if x == r.Probe {
					wanted = want
				}
			}
			if r.Verdict != wanted {
				t.Errorf("%s: %s is %s, want %s: %s; the twin is %s", name, r.Probe, r.Verdict, wanted, r.Evidence, r.Twin)
			}
		}
	}
	expect("as it is", proofs, 0, "")
	expect("broken again", changed(t, "ready: the shop is open", "ready: the shop is open\n  command: [python3, -B, /app/vulnerable.py]"), 1, prove.Succeeded, "sql-injection")
	expect("leaked again", changed(t, "secrets: [shop-password]", "environment: {SHOP_PASSWORD: again}"), 1, prove.Succeeded, "leaked-secret")
	expect("an attack that finds nobody", changed(t, "http://service:8080/login", "http://nobody:8080/login"), 2, prove.Inconclusive, "sql-injection")
	expect("a twin as strong", changed(t, "/app/vulnerable.py", "/app/../app/fixed.py"), 2, prove.Unproven, "sql-injection")

	slow := changed(t, "exec python3", "sleep 100; exec python3")
	cut(t, n, slow, syscall.SIGINT)
	if left := leftovers(t, n); left != "" {
		t.Errorf("a suite that was interrupted left behind: %s", left)
	}
	cut(t, n, slow, syscall.SIGKILL)
	if leftovers(t, n) == "" {
		t.Error("a suite that was killed left nothing behind: the test shows nothing")
	}
	for _, name := range []string{"sql-injection.yaml", "leaked-secret.yaml"} {
		text, err := os.ReadFile(filepath.Join(proofs, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(slow, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect("after one that was killed", slow, 0, "")
	if left := leftovers(t, n); left != "" {
		t.Errorf("the suites left behind: %s", left)
	}
}

// leftovers are the containers and the networks that somebody made.
func leftovers(t *testing.T, n *harness.Node) string {
	t.Helper()
	return n.MustBailey(t, "ps", "-aq") + n.MustBailey(t, "network", "ls", "-q", "--filter", "type=custom")
}

// cut ends a run with a signal while an attack is under way.
func cut(t *testing.T, n *harness.Node, dir string, with syscall.Signal) {
	t.Helper()
	cmd := n.BaileyCommand(t.Context(), "prove", "--suite", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for strings.Count(n.MustBailey(t, "ps", "-q"), "\n") < 2 {
		time.Sleep(50 * time.Millisecond)
	}
	if err := cmd.Process.Signal(with); err != nil {
		t.Fatal(err)
	}
	if cmd.Wait() == nil {
		t.Errorf("a run that %v cut short was a success", with)
	}
}

// suite runs `bailey prove --suite` and wants an exit status.
func suite(t *testing.T, n *harness.Node, dir string, code int) prove.Report {
	t.Helper()
	res := n.Bailey(t.Context(), "prove", "--suite", dir, "--format", "json")
	if res.Code != code {
		t.Errorf("exit status %d, want %d: %s", res.Code, code, res.Stderr)
	}
	var report prove.Report
	if err := json.Unmarshal([]byte(res.Stdout), &report); err != nil {
		t.Fatalf("%v\n%s%s", err, res.Stdout, res.Stderr)
	}
	return report
}

// changed is the suite with a text replaced, where it comes first in a file.
func changed(t *testing.T, old, with string) string {
	t.Helper()
	dir, found := t.TempDir(), 0
	for _, name := range []string{"sql-injection.yaml", "leaked-secret.yaml"} {
		text, err := os.ReadFile(filepath.Join(proofs, name))
		if err != nil {
			t.Fatal(err)
		}
		// The attack on the leak logs in too: what is replaced there is not what the caller means.
		if name == "sql-injection.yaml" || strings.HasPrefix(old, "secrets") {
			found += strings.Count(string(text), old)
			text = []byte(strings.Replace(string(text), old, with, 1))
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found != 1 {
		t.Fatalf("%q is %d times in the examples", old, found)
	}
	return dir
}
