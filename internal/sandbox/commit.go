package sandbox

// MayCommit refuses to make an image of a container's files, unless the policy allows that to the caller.
func (p Policy) MayCommit(c Caller) error {
	if _, _, ok := p.allows(RuleCommit, "", c); ok {
		return nil
	}
	d := decision{policy: p, caller: c}
	return d.refusal(ask{
		rule: RuleCommit, what: "making an image of a container",
		why:     "nobody can tell from what such an image was made, or repeat it, and it keeps what an attacker left in the container",
		instead: "Write what was changed as a Dockerfile and build that.",
	})
}
