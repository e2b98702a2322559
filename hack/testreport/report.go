package main

import (
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
)

// module is cut from package paths, which all start with it.
const module = "github.com/bailey-run/bailey/"

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of a build event
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

// pkg is what is known of a package under test.
type pkg struct {
	began                   time.Time
	passed, failed, skipped int
	output                  map[string]*strings.Builder // by test; "" is the package's own
	running                 map[string]time.Time
}

// report gathers events and prints lines.
type report struct {
	out                     io.Writer
	now                     func() time.Time
	began                   time.Time
	packages                map[string]*pkg // those not ended yet
	builds                  map[string]*strings.Builder
	passed, failed, skipped int
	ended, broken           int
	failures                []string
	reasons                 map[string]int // why tests were skipped
}

// newReport makes an empty report that prints to out; now is the clock.
func newReport(out io.Writer, now func() time.Time) *report {
	return &report{
		out: out, now: now, began: now(),
		packages: map[string]*pkg{}, builds: map[string]*strings.Builder{}, reasons: map[string]int{},
	}
}

// add takes in one event and tells whether it printed something.
func (r *report) add(e event) bool {
	switch e.Action {
	case "build-output":
		r.build(e.ImportPath).WriteString(e.Output)
		return false
	case "build-fail":
		return false
	}
	p := r.packages[e.Package]
	if p == nil {
		p = &pkg{began: r.now(), output: map[string]*strings.Builder{}, running: map[string]time.Time{}}
		r.packages[e.Package] = p
	}
	if e.Action == "output" {
		p.text(e.Test).WriteString(e.Output)
		return false
	}
	if e.Test == "" {
		return r.endPackage(p, e)
	}
	r.test(p, e)
	return false
}

// test takes in an event of one test.
func (r *report) test(p *pkg, e event) {
	switch e.Action {
	case "run":
		p.running[e.Test] = r.now()
		return
	case "pass":
		p.passed++
	case "skip":
		p.skipped++
		r.reasons[skipReason(p.text(e.Test).String())]++
	case "fail":
		p.failed++
		r.failures = append(r.failures, strings.TrimPrefix(e.Package, module)+" "+e.Test)
	default:
		return
	}
	delete(p.running, e.Test)
	if e.Action != "fail" {
		delete(p.output, e.Test)
	}
}

// endPackage prints the line of a package that ended, and the output of whatever failed in it.
func (r *report) endPackage(p *pkg, e event) bool {
	switch e.Action {
	case "pass", "fail", "skip":
	default:
		return false
	}
	delete(r.packages, e.Package)
	r.passed, r.failed, r.skipped = r.passed+p.passed, r.failed+p.failed, r.skipped+p.skipped
	name := strings.TrimPrefix(e.Package, module)
	if e.Action == "skip" || (e.Action == "pass" && p.passed+p.skipped == 0) {
		return false // holds no tests
	}
	r.ended++
	word := "ok  "
	if e.Action == "fail" {
		word = "FAIL"
		r.broken++
	}
	fmt.Fprintf(r.out, "%s  %-36s %4d passed %3d failed %3d skipped %7.1f s\n",
		word, name, p.passed, p.failed, p.skipped, e.Elapsed)
	if e.Action == "pass" {
		return true
	}
	if e.FailedBuild != "" {
		r.failures = append(r.failures, name+" (does not compile)")
		indent(r.out, r.build(e.FailedBuild).String())
		return true
	}
	if p.failed == 0 {
		r.failures = append(r.failures, name+" (the test program itself failed)")
	}
	tests := make([]string, 0, len(p.output))
	for test := range p.output {
		tests = append(tests, test)
	}
	sort.Strings(tests)
	for _, test := range tests {
		indent(r.out, shorten(p.output[test].String()))
	}
	return true
}

// The first and the last lines of a failed test's output that are shown. What failed stands at the beginning, and how it
// came to that often at the end.
const firstLines, lastLines = 40, 80

// shorten leaves out the middle of a long text.
func shorten(text string) string {
	lines := strings.SplitAfter(text, "\n")
	if len(lines) <= firstLines+lastLines+1 {
		return text
	}
	gap := fmt.Sprintf("        [... %d lines left out ...]\n", len(lines)-firstLines-lastLines)
	return strings.Join(lines[:firstLines], "") + gap + strings.Join(lines[len(lines)-lastLines:], "")
}

// heartbeat says what runs now, the longest first.
func (r *report) heartbeat() {
	type item struct {
		what  string
		since time.Duration
	}
	var items []item
	for name, p := range r.packages {
		name = strings.TrimPrefix(name, module)
		for test, began := range p.running {
			items = append(items, item{name + " " + test, r.now().Sub(began)})
		}
	}
	if len(items) == 0 {
		fmt.Fprintf(r.out, "...   compiling and linking tests (%.0f s so far)\n", r.now().Sub(r.began).Seconds())
		return
	}
	sort.Slice(items, func(i, j int) bool { return items[i].since > items[j].since })
	for i, it := range items {
		if i == 3 {
			fmt.Fprintf(r.out, "...   and %d more\n", len(items)-i)
			break
		}
		fmt.Fprintf(r.out, "...   still running: %s (%.0f s)\n", it.what, it.since.Seconds())
	}
}

// close prints the summary and returns an error when the run as a whole failed.
func (r *report) close() error {
	for name, p := range r.packages {
		r.broken++
		r.failures = append(r.failures, strings.TrimPrefix(name, module)+" (ended without a result)")
		for _, text := range p.output {
			indent(r.out, text.String())
		}
	}
	fmt.Fprintln(r.out)
	if len(r.reasons) > 0 {
		fmt.Fprintln(r.out, "Skipped on this machine:")
		reasons := make([]string, 0, len(r.reasons))
		for reason := range r.reasons {
			reasons = append(reasons, reason)
		}
		sort.Strings(reasons)
		for _, reason := range reasons {
			fmt.Fprintf(r.out, "  %3d  %s\n", r.reasons[reason], reason)
		}
	}
	if len(r.failures) > 0 {
		fmt.Fprintln(r.out, "Failed:")
		for _, failure := range r.failures {
			fmt.Fprintf(r.out, "  %s\n", failure)
		}
	}
	fmt.Fprintf(r.out, "%d packages in %.0f s\n", r.ended, r.now().Sub(r.began).Seconds())
	failed := max(r.failed, r.broken)
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, failed, r.skipped)
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d packages failed; run one again with: go test ./PACKAGE -run TEST -v", r.broken, r.ended)
	case r.passed == 0:
		return errors.New("no test ran; was the list of packages empty?")
	}
	return nil
}

// text is the output gathered for a test.
func (p *pkg) text(test string) *strings.Builder {
	if p.output[test] == nil {
		p.output[test] = &strings.Builder{}
	}
	return p.output[test]
}

// build is the compiler's output for an import path.
func (r *report) build(path string) *strings.Builder {
	if r.builds[path] == nil {
		r.builds[path] = &strings.Builder{}
	}
	return r.builds[path]
}

// skipReason finds in a test's output what it gave to t.Skip.
func skipReason(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		// "file_test.go:12: reason"
		if _, reason, found := strings.Cut(line, ": "); found {
			return reason
		}
		return line
	}
	return "no reason given"
}

// indent writes text four columns to the right, without the lines that say only that a test began.
func indent(out io.Writer, text string) {
	for line := range strings.Lines(text) {
		if trimmed := strings.TrimSpace(line); trimmed == "" || strings.HasPrefix(trimmed, "=== ") {
			continue
		}
		fmt.Fprintf(out, "    %s\n", strings.TrimRight(line, "\n"))
	}
}
