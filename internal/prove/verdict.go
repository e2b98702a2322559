package prove

import (
	"fmt"
	"slices"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// Verdict is what an attempt and its twin say together.
type Verdict string

// The verdicts.
const (
	Blocked      Verdict = "blocked"       // it was stopped here and worked in the twin: proof
	Succeeded    Verdict = "succeeded"     // it worked: the control is broken or not there
	Unproven     Verdict = "unproven here" // it was stopped, but the twin was too: this kernel cannot show it
	Inconclusive Verdict = "inconclusive"  // it could not be tried
)

// Result is one attack on one control.
type Result struct {
	Probe   string  `json:"probe"`
	Control string  `json:"control"`
	Tries   string  `json:"tries"`
	Source  string  `json:"source,omitempty"`
	As      string  `json:"as"`
	Verdict Verdict `json:"verdict"`
	// Evidence says what stopped the attempt, or why it could not be tried.
	Evidence string `json:"evidence,omitempty"`
	// Twin says where the same attempt was made, and how it went there.
	Twin string `json:"twin"`
}

// judge compares an attempt with its twin.
func judge(a attempt, here, twin probe.Observation) Result {
	return Result{
		Probe: a.ID, Control: a.Control, Tries: a.Tries, Source: a.Source, As: a.user, Twin: a.twin().String(),
	}.Judged(here, twin)
}

// Judged adds the verdict. A twin counts only when the attempt was stopped.
func (r Result) Judged(here, twin probe.Observation) Result {
	r.Evidence = here.Evidence
	switch {
	case here.Outcome == probe.Worked:
		r.Verdict = Succeeded
	case here.Outcome != probe.Stopped:
		r.Verdict = Inconclusive
	case twin.Outcome == probe.Worked:
		r.Verdict = Blocked
		r.Twin += ": succeeded"
	case twin.Outcome == probe.Stopped:
		r.Verdict = Unproven
		r.Twin += ": stopped too, " + twin.Evidence
	default:
		r.Verdict = Unproven
		r.Twin += ": not tried, " + twin.Evidence
	}
	return r
}

// excuse says of attacks that worked on controls that the host cannot have
// what they show: nothing, for nothing stood in their way.
func excuse(results []Result, absent []string) {
	for i, r := range results {
		if r.Verdict == Succeeded && slices.Contains(absent, r.Control) {
			results[i].Verdict, results[i].Evidence = Unproven, "the attack works: this host cannot have the control"
		}
	}
}

// String says where a place is, for people.
func (p place) String() string {
	switch {
	case p.host:
		return "on the host"
	case p.off == "":
		return "in the container"
	}
	return fmt.Sprintf("without %s", p.off)
}
