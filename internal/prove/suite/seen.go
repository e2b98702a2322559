package suite

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// seen is how an attack ended.
type seen struct {
	status int
	output []byte
}

func (e Ending) is(s seen) bool {
	return (e.Status == nil || *e.Status == s.status) && e.Output.in(s.output)
}

// observe says what an end means. One that the test does not foresee means
// nothing: an attack with a mistake in it must not look stopped.
func (t Test) observe(s seen) probe.Observation {
	o := probe.Observation{ID: t.Name, Evidence: s.String()}
	switch refused, succeeded := t.Refused.is(s), t.Succeeds.is(s); {
	case refused && succeeded:
		o.Outcome, o.Evidence = probe.Untold, "both refused and succeeds fit: "+o.Evidence
	case refused:
		o.Outcome = probe.Stopped
	case succeeded:
		o.Outcome = probe.Worked
	default:
		o.Outcome, o.Evidence = probe.Untold, "neither refused nor succeeds fits: "+o.Evidence
	}
	return o
}

// maxLine bounds what evidence shows of an output, in bytes.
const maxLine = 200

// String is the exit status and the last line.
func (s seen) String() string {
	text := fmt.Sprintf("exit status %d", s.status)
	if line := lastLine(s.output); line != "" {
		text += ": " + line
	}
	return text
}

// lastLine is the last line that says something, without what could take a
// terminal over.
func lastLine(output []byte) string {
	output = bytes.TrimSpace(output)
	line := string(output[bytes.LastIndexByte(output, '\n')+1:])
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, "?"))
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + "…"
	}
	return line
}
