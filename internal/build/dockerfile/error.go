package dockerfile

import (
	"errors"
	"fmt"

	"github.com/bailey-run/bailey/internal/build/pattern"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Error says why a Dockerfile cannot be read. It repeats nothing of the
// Dockerfile that could be a value.
type Error struct {
	Line   int // counted from 1; 0 when it is the file as a whole
	Reason string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return "the Dockerfile cannot be read: " + e.Reason
	}
	return fmt.Sprintf("line %d of the Dockerfile cannot be read: %s", e.Line, e.Reason)
}

var (
	word   = pattern.Lazy(`^[A-Za-z]{1,32}$`)
	quoted = pattern.Lazy(`"[^"]*"?|'[^']*'?|=\S*|: [^:]*\$[^:]*`)
)

// Explain makes an error of BuildKit's parser one of ours. What it quotes from
// the file is left out: a value whose quotes are wrong is quoted there too.
func Explain(err error) *Error {
	var at int
	if location := (*parser.LocationError)(nil); errors.As(err, &location) {
		for _, ranges := range location.Locations {
			at = max(at, rangeOf(ranges).Line)
		}
	}
	if unknown := (*instructions.UnknownInstructionError)(nil); errors.As(err, &unknown) {
		if word().MatchString(unknown.Instruction) {
			return &Error{unknown.Line, "there is no instruction " + unknown.Instruction}
		}
		return &Error{unknown.Line, "this is not an instruction; is a backslash missing at the end of the line before it?"}
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	reason := quoted().ReplaceAllString(err.Error(), "…")
	if len(reason) > 300 {
		reason = reason[:300] + "…"
	}
	return &Error{at, reason}
}
