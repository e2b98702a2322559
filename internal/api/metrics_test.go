package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/prove"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// provedOnce is a prover whose newest proof is r, or who has none.
type provedOnce struct{ r *prove.Report }

func (provedOnce) Prove(context.Context, string, func(int, int)) (prove.Report, error) {
	return prove.Report{}, errors.New("not here")
}

func (p provedOnce) Latest(context.Context) (prove.Report, json.RawMessage, error) {
	if p.r == nil {
		return prove.Report{}, nil, errdefs.ErrNotFound
	}
	return *p.r, nil, nil
}

func scrape(t *testing.T, n *node) string {
	t.Helper()
	res := n.raw(t, "GET /bailey/v1/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%v, %s: %s", err, res.Header.Get("Content-Type"), text)
	}
	return string(text)
}

func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}

func TestMetrics(t *testing.T) {
	f := newFake()
	n := startNode(t, f)
	prover := &provedOnce{}
	n.Prover = prover
	text := scrape(t, n)
	has(t, text, `bailey_build_info{version="1.2.3"} 1`, `bailey_containers{state="running"} 1`, `bailey_containers{state="exited"} 0`,
		`bailey_refusals_total{rule="access"} 0`, `bailey_refusals_total{rule="request"} 0`)
	if strings.Contains(text, "bailey_proof_") {
		t.Error("a node that was not proved shows a proof")
	}

	prover.r = &prove.Report{Began: time.Unix(1700000000, 5e8), Seconds: 12.5, Results: []prove.Result{
		{Verdict: prove.Blocked}, {Verdict: prove.Blocked}, {Verdict: prove.Succeeded}, {Verdict: prove.Unproven}}}
	f.fails["Stop"] = fmt.Errorf("wrapped: %w", errors.Join(&sandbox.RefusalError{Rule: "cap-add"}, &sandbox.RefusalError{Rule: "device"}))
	f.fails["Kill"] = fmt.Errorf("no: %w", errdefs.ErrPermissionDenied)
	f.fails["Start"] = fmt.Errorf("none: %w", errdefs.ErrNotFound)
	api := n.stock(t, "")
	for range 2 {
		_, _ = api.ContainerStop(t.Context(), "x", client.ContainerStopOptions{})
	}
	_, _ = api.ContainerKill(t.Context(), "x", client.ContainerKillOptions{})
	_, _ = api.ContainerStart(t.Context(), "x", client.ContainerStartOptions{})
	n.raw(t, "GET /info HTTP/1.1\r\nHost: localhost\r\nOrigin: https://example.com\r\n\r\n").Body.Close()
	has(t, scrape(t, n), `bailey_proof_attacks{verdict="blocked"} 2`, `bailey_proof_attacks{verdict="succeeded"} 1`,
		`bailey_proof_attacks{verdict="unproven"} 1`, `bailey_proof_attacks{verdict="inconclusive"} 0`,
		`bailey_proof_timestamp_seconds 1.7000000005e+09`, `bailey_proof_duration_seconds 12.5`,
		`bailey_refusals_total{rule="cap-add"} 2`, `bailey_refusals_total{rule="device"} 2`,
		`bailey_refusals_total{rule="access"} 1`, `bailey_refusals_total{rule="request"} 1`)
}

// TestOwnRefusalsDoNotCount: the node asks for what it must refuse, to see that it does.
func TestOwnRefusalsDoNotCount(t *testing.T) {
	s, err := New(Options{Engine: newFake()})
	if err != nil {
		t.Fatal(err)
	}
	(&call{s: s, caller: sandbox.Stranger()}).countRefusal(&sandbox.RefusalError{Rule: "cap-add"})
	if text := scrape(t, serve(t, s)); strings.Contains(text, "cap-add") {
		t.Error(text)
	}
}
