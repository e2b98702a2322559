package e2e

import (
	"strings"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

// TestRun is the least that must work: a container runs, its output and exit status arrive, and nothing is left.
func TestRun(t *testing.T) {
	node := harness.New(t, harness.Options{})
	if out := node.MustBailey(t, "run", "--rm", harness.Image, "echo", "hello"); out != "hello\n" {
		t.Errorf("printed %q", out)
	}
	if result := node.Bailey(t.Context(), "run", "--rm", harness.Image, "sh", "-c", "exit 7"); result.Code != 7 {
		t.Errorf("exit status %d, want 7: %s", result.Code, result.Stderr)
	}
	if out := node.MustBailey(t, "ps", "-aq"); strings.TrimSpace(out) != "" {
		t.Errorf("--rm left containers behind: %s", out)
	}
}

// TestRefusal: a relaxation is refused with the rule and what to add to the policy, and allowed once the policy says so.
func TestRefusal(t *testing.T) {
	node := harness.New(t, harness.Options{})
	result := node.Bailey(t.Context(), "run", "--rm", "--cap-add", "NET_ADMIN", harness.Image, "true")
	if result.Code == 0 {
		t.Fatal("a capability was given without a policy")
	}
	for _, want := range []string{"cap-add", "NET_ADMIN", "[[allow]]"} {
		if !strings.Contains(result.Stderr, want) {
			t.Errorf("the refusal lacks %q: %s", want, result.Stderr)
		}
	}

	allowed := harness.New(t, harness.Options{Policy: "[[allow]]\nrule = \"cap-add\"\nvalues = [\"NET_ADMIN\"]\ncallers = [\"root\"]\nreason = \"a test\"\n"})
	allowed.MustBailey(t, "run", "--rm", "--cap-add", "NET_ADMIN", harness.Image, "true")
}

// TestStockClient: the docker command line of someone else works on the node's socket.
func TestStockClient(t *testing.T) {
	node := harness.New(t, harness.Options{})
	if out := node.MustDocker(t, "run", "--rm", harness.Image, "echo", "hello"); out != "hello\n" {
		t.Errorf("printed %q", out)
	}
}
