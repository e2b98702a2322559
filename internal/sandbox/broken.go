package sandbox

import "slices"

// decideBroken refuses a container on a node where an attack has succeeded
// that one of the default controls must stop: it would be given what its
// posture does not keep. An entry of the policy accepts that for one control.
func (d *decision) decideBroken() {
	for _, control := range d.facts.Broken {
		d.relax(ask{control: control, rule: RuleBrokenControl, value: control, what: "a container on this node",
			why:     "an attack has succeeded here that the control " + control + " must stop",
			instead: "`bailey prove` shows which, and lifts this when it does not succeed any more."})
	}
}

// Unaccepted returns those of the broken controls that no entry of the policy accepts for anybody.
func (p Policy) Unaccepted(broken []string) []string {
	var left []string
	for _, control := range broken {
		accepts := func(a Allow) bool { return a.Rule == RuleBrokenControl && matches(a.Values, control) }
		if !slices.ContainsFunc(p.Allow, accepts) {
			left = append(left, control)
		}
	}
	return left
}
