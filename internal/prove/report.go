package prove

import (
	"slices"
	"time"
)

// Report is what a proof found.
type Report struct {
	// Engine is what was attacked: its name and version; Kernel is the host's.
	Engine string `json:"engine"`
	Kernel string `json:"kernel"`
	// Like names the container whose posture was attacked; empty for the default posture.
	Like  string    `json:"like,omitempty"`
	Began time.Time `json:"began"`
	// Seconds is how long it took.
	Seconds float64  `json:"seconds"`
	Results []Result `json:"results"`
	// Unproven are controls that no probe attacks.
	Unproven []string `json:"unproven,omitempty"`
}

// Count is how many results have a verdict.
func (r Report) Count(v Verdict) int {
	n := 0
	for _, x := range r.Results {
		if x.Verdict == v {
			n++
		}
	}
	return n
}

// Broken says that an attack worked that must not.
func (r Report) Broken() bool {
	return slices.ContainsFunc(r.Results, func(x Result) bool { return x.Verdict == Succeeded })
}

// unproven lists the controls that no result is about.
func unproven(controls []string, results []Result) []string {
	var out []string
	for _, c := range controls {
		if !slices.ContainsFunc(results, func(r Result) bool { return r.Control == c }) {
			out = append(out, c)
		}
	}
	return out
}
