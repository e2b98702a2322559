package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// Level says how much a finding matters. The names are SARIF's.
type Level string

// The levels, the worst first. Only an error makes `bailey build --lint` fail.
const (
	// Error: the image gives away a secret, gives an attacker a step, or is made of what nobody verified.
	Error Level = "error"
	// Warning: the image is larger or easier to abuse than it need be, or comes out different tomorrow.
	Warning Level = "warning"
	// Note: could be better.
	Note Level = "note"
)

// MaxIgnore bounds a .dockerignore, in bytes, and MaxFiles what of a context's
// listing is looked at.
const (
	MaxIgnore = 64 << 10
	MaxFiles  = 50_000
)

// Input is what is looked at.
type Input struct {
	File       string            // what the Dockerfile is called in findings
	Dockerfile []byte            // at most [dockerfile.MaxSize] bytes
	Ignore     []byte            // the .dockerignore that goes with it; nil when there is none
	Files      []string          // the files of the context, relative, with slashes; nil when they are not known
	Target     string            // the stage that becomes the image; empty for the last one
	BuildArgs  map[string]string // values for its ARGs
}

// Finding is one thing that makes the image worse.
type Finding struct {
	Rule    string `json:"rule"`
	Level   Level  `json:"level"`
	File    string `json:"file"`
	Line    int    `json:"line"` // counted from 1
	EndLine int    `json:"endLine"`
	Message string `json:"message"` // what is wrong here; never the value of a secret
	Why     string `json:"why"`
	Fix     string `json:"fix"` // what to write instead
	URL     string `json:"url,omitempty"`
	Allowed string `json:"allowed,omitempty"` // the reason given in a "# bailey:allow" comment
}

// Report is what was found, by line.
type Report struct {
	File     string    `json:"file"`
	Findings []Finding `json:"findings"`
}

// Count returns how many findings of a level nobody allowed.
func (r Report) Count(l Level) int {
	n := 0
	for _, f := range r.Findings {
		if f.Level == l && f.Allowed == "" {
			n++
		}
	}
	return n
}

// linter is one run.
type linter struct {
	in       Input
	file     *dockerfile.File
	target   *dockerfile.Stage
	lineage  []*dockerfile.Stage // what the image consists of, the oldest first
	mask     *mask
	scripts  map[*instructions.RunCommand]*script
	findings []Finding
	said     map[Finding]bool
}

// Run looks at a Dockerfile. The same input gives the same report.
func Run(in Input) Report {
	if in.File == "" {
		in.File = "Dockerfile"
	}
	l := &linter{in: in, mask: &mask{}, scripts: map[*instructions.RunCommand]*script{}, said: map[Finding]bool{}}
	if err := l.read(); err != nil {
		l.add("unreadable", dockerfile.Range{Line: max(err.Line, 1)}, err.Reason, "correct this line; nothing else was looked at")
		return Report{in.File, l.findings}
	}
	l.learnSecrets()
	for _, check := range []func(){
		l.checkSyntax, l.checkBases, l.checkUser, l.checkSecrets, l.checkModes, l.checkCopies, l.checkRuns, l.checkShell,
		l.checkPorts, l.checkBuildKit,
	} {
		check()
	}
	l.allow()
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return Report{in.File, l.findings}
}

// read parses the Dockerfile and finds out what becomes the image.
func (l *linter) read() *dockerfile.Error {
	file, err := dockerfile.Parse(l.in.Dockerfile, l.in.BuildArgs)
	if err != nil {
		var typed *dockerfile.Error
		if !asError(err, &typed) {
			typed = &dockerfile.Error{Reason: err.Error()}
		}
		return typed
	}
	l.file = file
	if l.target = file.Target(l.in.Target); l.target == nil {
		return &dockerfile.Error{Reason: fmt.Sprintf("there is no stage called %q", l.in.Target)}
	}
	l.lineage = l.target.Lineage()
	return nil
}

// ships tells whether the layers of a stage are part of the image.
func (l *linter) ships(s *dockerfile.Stage) bool { return slices.Contains(l.lineage, s) }

// add notes a finding. All that it says may quote the Dockerfile: secrets and
// control characters are taken out here.
func (l *linter) add(name string, at dockerfile.Range, message, fix string) {
	rule, ok := byName()[name]
	if !ok {
		panic("lint: no rule is called " + name) // a mistake in this package, which every test of it meets
	}
	f := Finding{
		Rule: name, Level: rule.Level, File: l.in.File, Line: at.Line, EndLine: max(at.Line, at.End),
		Message: l.mask.clean(message), Why: rule.Why, Fix: l.mask.clean(cmp.Or(fix, rule.Fix)), URL: rule.URL,
	}
	if !l.said[f] {
		l.said[f] = true
		l.findings = append(l.findings, f)
	}
}

// each calls f for every instruction, with its stage.
func (l *linter) each(f func(*dockerfile.Instruction)) {
	for _, stage := range l.file.Stages {
		for _, i := range stage.Instructions {
			f(i)
		}
	}
}

// near is the line of an instruction that a text stands on; a long RUN has many.
func (l *linter) near(i *dockerfile.Instruction, texts ...string) dockerfile.Range {
	for n := i.Line; n <= i.End && n <= len(l.file.Lines); n++ {
		line, found := l.file.Lines[n-1], len(texts) > 0
		for _, text := range texts {
			found = found && strings.Contains(line, text)
		}
		if found {
			return dockerfile.Range{Line: n, End: n}
		}
	}
	return i.Range
}
