package format

import (
	"encoding/xml"
	"io"

	"github.com/bailey-run/bailey/internal/prove"
)

// The elements of a JUnit report, as continuous integration servers read it.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string      `xml:"name,attr"`
		ClassName string      `xml:"classname,attr"`
		Failure   *junitCause `xml:"failure,omitempty"`
		Skipped   *junitCause `xml:"skipped,omitempty"`
		Output    string      `xml:"system-out,omitempty"`
	}
	junitCause struct {
		Message string `xml:"message,attr"`
	}
)

// junit makes every control a suite. What is not proved is skipped: it is
// neither a success nor a failure.
func junit(w io.Writer, r prove.Report) error {
	var all junitSuites
	for _, g := range byControl(r) {
		s := junitSuite{Name: g.name, Tests: len(g.Results), Failures: g.Count(prove.Succeeded), Timestamp: r.Began.Format("2006-01-02T15:04:05")}
		for _, x := range g.Results {
			c := junitCase{Name: x.Tries + " as " + x.As, ClassName: x.Probe, Output: x.Evidence}
			switch x.Verdict {
			case prove.Blocked:
			case prove.Succeeded:
				c.Failure = &junitCause{"the attack succeeded"}
			default:
				s.Skipped++
				c.Skipped = &junitCause{string(x.Verdict) + "; the twin is " + x.Twin}
			}
			s.Cases = append(s.Cases, c)
		}
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
