package format

import (
	"strings"

	"github.com/bailey-run/bailey/internal/prove"
)

// The parts of a SARIF log that a proof fills in.
// Source: OASIS Static Analysis Results Interchange Format 2.1.0.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
		Help             sarifText `json:"help"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Kind      string          `json:"kind"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		LogicalLocations []sarifLogical `json:"logicalLocations"`
	}
	sarifLogical struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	}
)

// sarif makes every attack a rule, and every verdict a result of it.
func sarif(r prove.Report) sarifLog {
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "bailey prove", InformationURI: "https://github.com/bailey-run/bailey", Rules: []sarifRule{}}
	known := map[string]bool{}
	for _, x := range r.Results {
		if !known[x.Probe] {
			known[x.Probe] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
				ID: x.Probe, ShortDescription: sarifText{"Attempt to " + x.Tries},
				Help: sarifText{strings.TrimSpace("The control " + x.Control + " must stop it. " + x.Source)},
			})
		}
		kind, level := sarifKind(x.Verdict)
		run.Results = append(run.Results, sarifResult{
			RuleID: x.Probe, Kind: kind, Level: level,
			Message:   sarifText{string(x.Verdict) + " as " + x.As + ": " + orWorked(x.Evidence) + "; the twin is " + x.Twin},
			Locations: []sarifLocation{{[]sarifLogical{{Name: r.Engine, Kind: "module"}}}},
		})
	}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

// sarifKind is a verdict in SARIF's terms (section 3.27.9 and 3.27.10): a
// level other than none is for failures alone.
func sarifKind(v prove.Verdict) (kind, level string) {
	switch v {
	case prove.Blocked:
		return "pass", "none"
	case prove.Succeeded:
		return "fail", "error"
	case prove.Unproven:
		return "notApplicable", "none"
	}
	return "open", "none"
}
