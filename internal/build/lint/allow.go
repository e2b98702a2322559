package lint

import (
	"errors"
	"strings"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
)

// allowPrefix begins a comment that silences one rule for the instruction that
// follows: "# bailey:allow RULE reason". There is no other way.
const allowPrefix = "bailey:allow"

// allowance is one such comment.
type allowance struct {
	rule, reason string
	line         int // of the comment
	for_         dockerfile.Range
	used         bool
}

// allow marks the findings that a comment allows. They stay in the report.
func (l *linter) allow() {
	allowances := l.allowances()
	for i := range l.findings {
		f := &l.findings[i]
		for _, a := range allowances {
			if a.rule == f.Rule && f.Line >= a.for_.Line && f.Line <= a.for_.End {
				f.Allowed, a.used = l.mask.clean(a.reason), true
			}
		}
	}
	for _, a := range allowances {
		at := dockerfile.Range{Line: a.line}
		switch rule, known := byName()[a.rule]; {
		case !known:
			l.add("bad-allow", at, "this allows a rule that does not exist: "+quote(a.rule), "")
		case rule.Forced:
			l.add("bad-allow", at, a.rule+" cannot be allowed", "remove this comment")
		case a.reason == "":
			l.add("bad-allow", at, "this gives no reason, and so allows nothing", "# "+allowPrefix+" "+a.rule+" WHY THIS IS MEANT")
		case !a.used:
			l.add("bad-allow", at, "the instruction below gives no finding of "+a.rule, "remove this comment")
		}
	}
}

// allowances finds the comments between instructions. A line inside one, or
// inside a here-document, is not a comment of the Dockerfile's.
func (l *linter) allowances() []*allowance {
	var found []*allowance
	next := 1 // the first line after the last instruction
	scan := func(r dockerfile.Range) {
		for n := next; n < r.Line && n <= len(l.file.Lines); n++ {
			text, ok := strings.CutPrefix(strings.TrimSpace(l.file.Lines[n-1]), "#")
			text, is := strings.CutPrefix(strings.TrimSpace(text), allowPrefix)
			if !ok || !is || text != "" && text[0] != ' ' && text[0] != '\t' {
				continue
			}
			rule, reason, _ := strings.Cut(strings.TrimSpace(text), " ")
			a := &allowance{rule: rule, reason: strings.TrimSpace(reason), line: n, for_: r}
			if known, ok := byName()[rule]; !ok || known.Forced || a.reason == "" {
				a.for_ = dockerfile.Range{} // allows nothing
			}
			found = append(found, a)
		}
		next = r.End + 1
	}
	for _, arg := range l.file.Args {
		scan(dockerfile.RangeOf(&arg))
	}
	for _, stage := range l.file.Stages {
		scan(stage.Range)
		for _, i := range stage.Instructions {
			scan(i.Range)
		}
	}
	scan(dockerfile.Range{Line: len(l.file.Lines) + 1, End: len(l.file.Lines) + 1})
	return found
}

func asError(err error, target **dockerfile.Error) bool { return errors.As(err, target) }
