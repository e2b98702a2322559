package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// decision is a posture in the making.
type decision struct {
	r      Request
	policy Policy
	caller Caller
	facts  HostFacts

	p    Posture
	errs []error
	// all is the relaxation that covers the others, when the container is privileged.
	all *Relaxation
}

func (d *decision) err() error { return errors.Join(d.errs...) }

// invalid records that the request makes no sense.
func (d *decision) invalid(field, value, why string, args ...any) {
	d.errs = append(d.errs, &InvalidError{Field: field, Value: value, Why: fmt.Sprintf(why, args...)})
}

// note records what the caller ought to know.
func (d *decision) note(format string, args ...any) {
	d.p.Notes = append(d.p.Notes, fmt.Sprintf(format, args...))
}

// ask is one relaxation that a request asks for.
type ask struct {
	control, rule string
	value         string // as the policy lists it; "" for a rule without values
	what          string // as the caller wrote it
	why           string // what it gives away
	instead       string // another way, if there is one
}

// relax says whether the policy allows a relaxation to the caller, and
// records it; otherwise it records the refusal.
func (d *decision) relax(a ask) bool {
	if d.all != nil && coveredByPrivileged[a.rule] {
		d.record(a, d.all.AllowedBy, d.all.Reason)
		return true
	}
	by, reason, ok := d.policy.allows(a.rule, a.value, d.caller)
	if !ok {
		d.errs = append(d.errs, d.refusal(a))
		return false
	}
	d.record(a, by, reason)
	return true
}

func (d *decision) record(a ask, by, reason string) {
	x := Relaxation{Control: a.control, Rule: a.rule, Value: a.value, AllowedBy: by, Reason: reason}
	if !slices.Contains(d.p.Relaxations, x) {
		d.p.Relaxations = append(d.p.Relaxations, x)
	}
}

// coveredByPrivileged are the rules that need no entry of their own in a
// container that is privileged anyway.
var coveredByPrivileged = map[string]bool{
	RuleCapAdd: true, RuleSecurityOpt: true, RuleSeccomp: true, RuleUnmaskedPaths: true, RuleDevice: true, RuleDeviceCgroupRule: true,
}

func (d *decision) refusal(a ask) *RefusalError {
	var b strings.Builder
	if a.instead != "" {
		fmt.Fprintf(&b, "%s\n", a.instead)
	}
	fmt.Fprintf(&b, "To allow it, add to %s:\n\n[[allow]]\nrule = %s\n", d.policy.file(), tomlString(a.rule))
	if a.value != "" {
		fmt.Fprintf(&b, "values = [%s]\n", tomlString(a.value))
	}
	fmt.Fprintf(&b, "callers = [%s]\nreason = \"say why\"", tomlString(d.caller.name()))
	return &RefusalError{Rule: a.rule, What: a.what, Why: a.why, Mend: b.String()}
}

// tomlString writes a basic string of TOML. Source: https://toml.io/en/v1.0.0#string.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
