package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/prove"
	"github.com/bailey-run/bailey/test/harness"
)

// proved runs `bailey prove` with arguments and returns its report and exit status.
func proved(t *testing.T, node *harness.Node, args ...string) (prove.Report, int) {
	t.Helper()
	res := node.Bailey(t.Context(), append([]string{"prove", "--format", "json"}, args...)...)
	var report prove.Report
	if err := json.Unmarshal([]byte(res.Stdout), &report); err != nil {
		t.Fatalf("%v\n%s%s", err, res.Stdout, res.Stderr)
	}
	return report, res.Code
}

// TestProve: no attack on the default posture succeeds, none is left untried, and most are proved by their twins.
func TestProve(t *testing.T) {
	node := harness.NewEmpty(t, harness.Options{})
	report, code := proved(t, node)
	if code != 0 {
		t.Errorf("status %d", code)
	}
	for _, r := range report.Results {
		switch r.Verdict {
		case prove.Succeeded, prove.Inconclusive:
			t.Errorf("%s as %s: %s, %s", r.Probe, r.As, r.Verdict, r.Evidence)
		case prove.Unproven:
			t.Logf("%s as %s: %s; %s; twin %s", r.Probe, r.As, r.Verdict, r.Evidence, r.Twin)
		}
	}
	// A kernel without modules, odd protocols and debugging files cannot show a quarter of them.
	if all := len(report.Results); report.Count(prove.Blocked) < all*6/10 {
		t.Errorf("only %d of %d attacks were proved to be blocked", report.Count(prove.Blocked), all)
	}
	if left := node.MustBailey(t, "ps", "-aq") + node.MustBailey(t, "images", "-q"); left != "" {
		t.Errorf("the proof left behind: %s", left)
	}
	want := fmt.Sprintf("bailey_proof_attacks{verdict=\"blocked\"} %d\n", report.Count(prove.Blocked))
	if text := metrics(t, node); !strings.Contains(text, want) || strings.Contains(text, "cap-add") {
		t.Errorf("want %sand no refusals, got\n%s", want, text)
	}
}

// metrics is what a node shows Prometheus.
func metrics(t *testing.T, node *harness.Node) string {
	t.Helper()
	socket := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", node.Socket)
	}}
	res, err := (&http.Client{Transport: socket}).Get("http://localhost/bailey/v1/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestProveLendsNobodyItsContainers: the twins have what the policy gives to nobody, and nobody else gets into them, nor
// gives the prover an image of theirs to run there.
func TestProveLendsNobodyItsContainers(t *testing.T) {
	node := harness.New(t, harness.Options{})
	done := make(chan struct{})
	var refused, entered int
	go func() {
		defer close(done)
		for t.Context().Err() == nil && refused < 3 {
			for _, id := range strings.Fields(node.Bailey(t.Context(), "ps", "-q", "--filter", "label=run.bailey.prove").Stdout) {
				node.Bailey(t.Context(), "tag", harness.Image, "bailey.local/prove:current")
				res := node.Bailey(t.Context(), "exec", id, "/bailey-probe", "do", "read", "/etc/passwd")
				switch {
				case strings.Contains(res.Stderr, "belongs to `bailey prove`"):
					refused++
				case res.Code == 0:
					entered++
				}
			}
		}
	}()
	report, _ := proved(t, node)
	if report.Count(prove.Blocked) == 0 {
		t.Error("somebody else's image took the place of the prover's")
	}
	select {
	case <-done:
	default:
		t.Errorf("only %d containers of the proof were found", refused)
	}
	if entered > 0 {
		t.Errorf("%d containers of the proof were entered", entered)
	}
}

// TestProveShowsThePriceOfARelaxation: the posture of a container with one control off loses the attacks on that control.
func TestProveShowsThePriceOfARelaxation(t *testing.T) {
	node := harness.New(t, harness.Options{Policy: `
[[allow]]
rule = "seccomp"
values = ["io-uring"]
callers = ["*"]
reason = "a test"
`})
	node.MustBailey(t, "run", "-d", "--name", "weak", "--security-opt", "syscalls=+io-uring", harness.Image, "sleep", "1000")
	report, code := proved(t, node, "--container", "weak")
	if code == 0 {
		t.Error("attacks succeeded, and the status is 0")
	}
	for _, r := range report.Results {
		if (r.Verdict == prove.Succeeded) != strings.HasPrefix(r.Probe, "seccomp/call-io-uring") {
			t.Errorf("%s: %s, %s", r.Probe, r.Verdict, r.Evidence)
		}
	}
}
