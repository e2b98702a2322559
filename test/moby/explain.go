package main

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
)

// expectedText lists the tests that Bailey is known to fail: name, kind of reason, reason, with tabs between them. The kinds are
//
//	purpose   it asks for what Bailey refuses on purpose
//	words     it wants one message to the letter; Bailey's says more
//	room      it needs what a test without the Internet has not
//	gap       Bailey cannot do it
//
//go:embed expected.tsv
var expectedText string

// ownDaemon is the reason of tests that start a dockerd and do not look at the engine that they are pointed at.
const ownDaemon = "starts a dockerd of its own and tests that"

// explain gives each failure its reason. It is an error that one has none, and that a test passes which is said to fail.
func explain(outcomes []outcome) error {
	type reason struct{ kind, text string }
	expected := map[string]reason{}
	for line := range strings.Lines(expectedText) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 {
			return fmt.Errorf("expected.tsv: not three fields: %q", line)
		}
		expected[fields[0]] = reason{fields[1], fields[2]}
	}
	var wrong []error
	for i := range outcomes {
		o := &outcomes[i]
		name := o.Suite + "." + o.Test
		r, known := expected[name]
		switch {
		case o.Result == passed && known:
			wrong = append(wrong, fmt.Errorf("%s passes: take it out of expected.tsv", name))
		case o.Result != failed:
		case strings.Contains(o.Output, "could not find docker binary"):
			o.Why, o.Reason = "daemon", ownDaemon
		case known:
			o.Why, o.Reason = r.kind, r.text
		default:
			wrong = append(wrong, fmt.Errorf("%s fails and expected.tsv does not say why", name))
		}
	}
	return errors.Join(wrong...)
}
