package prove

import (
	"slices"
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	n := NewNode(NodeOptions{Version: "2", Kernel: "6.1"})
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	fresh := Report{Engine: "Bailey 2", Kernel: "6.1", Began: now.Add(-time.Hour)}
	for name, tt := range map[string]struct {
		change func(*Report)
		want   time.Duration
	}{
		"fresh":           {func(*Report) {}, 23 * time.Hour},
		"a day old":       {func(r *Report) { r.Began = now.Add(-25 * time.Hour) }, 0},
		"another version": {func(r *Report) { r.Engine = "Bailey 1" }, 0},
		"another kernel":  {func(r *Report) { r.Kernel = "6.2" }, 0},
	} {
		last := fresh
		tt.change(&last)
		if got := n.due(last, now); got != tt.want {
			t.Errorf("%s: due in %v, want %v", name, got, tt.want)
		}
	}
}

// TestSince: what changes its verdict is told, and so is what is new and succeeds.
func TestSince(t *testing.T) {
	result := func(probe string, v Verdict) Result {
		return Result{Probe: probe, Control: probe[:1], As: "root", Verdict: v}
	}
	before := Report{Results: []Result{result("a/same", Blocked), result("a/worse", Blocked), result("b/better", Succeeded), result("c/gone", Blocked)}}
	after := Report{Results: []Result{
		result("a/same", Blocked), result("a/worse", Succeeded), result("b/better", Blocked), result("d/new", Blocked), result("d/new-bad", Succeeded),
	}}
	var told []string
	for _, r := range after.since(before) {
		told = append(told, r.Probe)
	}
	if want := []string{"a/worse", "b/better", "d/new-bad"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if broken := after.BrokenControls(); !slices.Equal(broken, []string{"a", "d"}) {
		t.Errorf("broken %v", broken)
	}
}
