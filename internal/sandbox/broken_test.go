package sandbox

import (
	"slices"
	"testing"
)

// TestBroken: where a control does not hold nobody gets a container, unless the policy accepts that for this control.
func TestBroken(t *testing.T) {
	facts := testHost()
	facts.Broken = []string{ControlSeccomp}
	accepted := Policy{Allow: []Allow{{Rule: RuleBrokenControl, Values: []string{ControlSeccomp}, Callers: []string{"*"}, Reason: "a kernel without it"}}}
	plain := request(func(*Request) {})
	_, err := Compute(plain, Policy{}, alice, facts)
	if refused := Refusals(err); len(refused) != 1 || refused[0].Rule != RuleBrokenControl {
		t.Errorf("refused %v: %v", refused, err)
	}
	p, err := Compute(plain, accepted, alice, facts)
	if err != nil {
		t.Fatal(err)
	}
	shown := slices.IndexFunc(p.Controls(), func(c Control) bool { return c.Control == ControlSeccomp && c.Relaxed && c.Reason != "" })
	if shown < 0 {
		t.Error("the posture does not show it")
	}
	if _, err := Compute(plain, Policy{}, Prover(), facts); err != nil {
		t.Errorf("the prover could not find out that it holds again: %v", err)
	}
	if left := accepted.Unaccepted([]string{ControlSeccomp, ControlMemory}); !slices.Equal(left, []string{ControlMemory}) {
		t.Errorf("not accepted: %v", left)
	}
	if _, err := ParsePolicy("p", []byte("[[allow]]\nrule = \"broken-control\"\nvalues = [\"nonsense\"]\ncallers = [\"*\"]\nreason = \"x\"\n")); err == nil {
		t.Error("a control that does not exist can be accepted")
	}
}
