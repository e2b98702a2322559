package prove

import (
	"testing"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// TestVerdicts: nothing but a stopped attempt with a twin that worked is proof.
func TestVerdicts(t *testing.T) {
	outcomes := []probe.Outcome{probe.Worked, probe.Stopped, probe.Untold}
	want := map[[2]probe.Outcome]Verdict{
		{probe.Worked, probe.Worked}: Succeeded, {probe.Worked, probe.Stopped}: Succeeded, {probe.Worked, probe.Untold}: Succeeded,
		{probe.Stopped, probe.Worked}: Blocked, {probe.Stopped, probe.Stopped}: Unproven, {probe.Stopped, probe.Untold}: Unproven,
		{probe.Untold, probe.Worked}: Inconclusive, {probe.Untold, probe.Stopped}: Inconclusive, {probe.Untold, probe.Untold}: Inconclusive,
	}
	for _, here := range outcomes {
		for _, twin := range outcomes {
			a := attempt{probe.Probe{ID: "c/x", Control: "c"}, "root"}
			if got := judge(a, probe.Observation{Outcome: here}, probe.Observation{Outcome: twin}).Verdict; got != want[[2]probe.Outcome{here, twin}] {
				t.Errorf("%s here, %s in the twin: %s", here, twin, got)
			}
		}
	}
}

// TestAbsentControlsAreNotBroken: only what a control of this host should have stopped breaks it.
func TestAbsentControlsAreNotBroken(t *testing.T) {
	r := Report{Results: []Result{{Control: "old", Verdict: Succeeded}, {Control: "old", Verdict: Blocked}, {Control: "new", Verdict: Succeeded}}}
	excuse(r.Results, []string{"new"})
	if r.Results[0].Verdict != Succeeded || r.Results[1].Verdict != Blocked || r.Results[2].Verdict != Unproven || r.Results[2].Evidence == "" {
		t.Errorf("%+v", r.Results)
	}
}

func TestPlan(t *testing.T) {
	all := attempts([]probe.Probe{
		{ID: "a/1", Control: "a"},
		{ID: "a/2", Control: "a", As: probe.Root, Twin: probe.Twin{Without: []string{"b"}}},
		{ID: "b/1", Control: "b", As: probe.Nobody, Twin: probe.Twin{Without: []string{"a"}}},
		{ID: "c/1", Control: "c", Twin: probe.Twin{Host: true}},
		{ID: "d/1", Control: "d", As: probe.Root, Alone: true},
	})
	if len(all) != 7 {
		t.Fatalf("%d attempts, want 7", len(all))
	}
	here := visits(all, attempt.target)
	if len(here) != 3 { // as root, as nobody, and one alone
		t.Errorf("%d places for the attempts, want 3: %v", len(here), here)
	}
	names := map[string]int{}
	for _, v := range visits(all, attempt.twin) {
		names[v.user+" "+v.String()] += len(v.ids)
	}
	want := map[string]int{
		"root without a": 1, "nobody without a": 1, "root without a,b": 1, "nobody without a,b": 1, "root on the host": 1, "root without d": 1,
	}
	for name, n := range want {
		if names[name] != n {
			t.Errorf("%s: %d attempts, want %d (%v)", name, names[name], n, names)
		}
	}
}
