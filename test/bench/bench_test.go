package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestPromisesCanBeMeasured: the page at the top of the tree and this program speak of the same things.
func TestPromisesCanBeMeasured(t *testing.T) {
	promises, err := readPromises("../../SPECIFICATION.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range promises {
		if !slices.Contains(metrics, p.Metric) {
			t.Errorf("SPECIFICATION.md promises %q, which nothing measures", p.Metric)
		}
		if p.Unit == "" && p.Against == "" {
			t.Errorf("%s: a ratio against nothing", p.Text)
		}
	}
	for _, m := range metrics {
		if !slices.ContainsFunc(promises, func(p promise) bool { return p.Metric == m }) {
			t.Errorf("%s is measured and SPECIFICATION.md promises nothing about it", m)
		}
	}
}

// TestJudge: a bound is held, a pending one does not fail, and what was not measured is not called kept.
func TestJudge(t *testing.T) {
	r := &results{}
	for _, sample := range []float64{90, 10, 20} { // median 20: one slow run changes nothing
		r.add("run", "bailey", "ms", sample)
	}
	r.add("run", "docker 29.1.0", "ms", 100)
	for _, tt := range []struct {
		p       promise
		verdict string
	}{
		{promise{Metric: "run", Against: "docker 29", AtMost: 0.25}, "kept"},
		{promise{Metric: "run", Against: "docker 29", AtMost: 0.19}, "MISSED"},
		{promise{Metric: "run", Against: "docker 29", AtMost: 0.19, Pending: true}, "pending"},
		{promise{Metric: "run", Against: "docker 29", AtMost: 0.25, Pending: true}, "kept, still marked pending"},
		{promise{Metric: "run", Against: "podman", AtMost: 1}, "not measured: podman is not installed"},
		{promise{Metric: "run", Unit: "ms", AtMost: 19}, "MISSED"},
		{promise{Metric: "run", Unit: "ms", AtMost: 20}, "kept"},
		{promise{Metric: "burst", Unit: "ms", AtMost: 20}, "not measured"},
	} {
		if _, verdict := r.judge(tt.p); verdict != tt.verdict {
			t.Errorf("%+v: %q, want %q", tt.p, verdict, tt.verdict)
		}
	}
	missed := r.print(io.Discard, []promise{{Metric: "run", Against: "docker 29", AtMost: 0.19}, {Metric: "run", Unit: "ms", AtMost: 20}})
	if missed != 1 {
		t.Errorf("%d promises missed, want 1", missed)
	}
}

// TestReadPromises: rows are understood, and a page without any is an error and not a pass.
func TestReadPromises(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("| fast | `run` | docker 29 | 0.25 × | enforced |\n| ready | `adopt` |  | 100 ms | pending, measured 118 ms |\n| other | test/e2e |\n")
	got, err := readPromises(page)
	want := []promise{
		{Text: "fast", Metric: "run", Against: "docker 29", AtMost: 0.25},
		{Text: "ready", Metric: "adopt", AtMost: 100, Unit: "ms", Pending: true},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	write("nothing\n")
	if _, err := readPromises(page); err == nil {
		t.Error("a page without promises was accepted")
	}
}

// TestProportional: this process has some memory, and a process that is gone has none.
func TestProportional(t *testing.T) {
	if n, err := proportional([]int{os.Getpid()}); err != nil || n < 1<<20 {
		t.Errorf("own memory: %d bytes, %v", n, err)
	}
	if n, err := proportional([]int{1 << 22}); err != nil || n != 0 {
		t.Errorf("memory of nobody: %d bytes, %v", n, err)
	}
}
