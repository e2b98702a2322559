package sandbox

// The values of RuleBuildNetwork.
const (
	BuildOutbound = "outbound" // a segment of its own, from which the Internet can be reached
	BuildHost     = "host"     // the host's own network
)

// BuildWish is one thing that a build wants beyond its sandbox. Rule is RuleBuildNetwork, RuleBuildSource or
// RuleBuildFrontend, Value what that rule lists, and What the thing as its author wrote it.
type BuildWish struct {
	Rule, Value, What string
}

// buildWhy says what each rule gives away, and the other way if there is one.
var buildWhy = map[string]struct{ control, why, instead string }{
	RuleBuildNetwork: {ControlNetwork, "what a build step fetches is not checked, and what it sends away is not seen",
		"Files that ADD or the build context brings need no network, and base images are pulled without it."},
	RuleBuildSource: {ControlNetwork, "the node itself fetches it, from its own place in the network",
		"Fetch it yourself and build from a directory, or pipe it in: `git archive HEAD | bailey build -`."},
	RuleBuildFrontend: {ControlNetwork, "an image from a registry then decides what is built, instead of the Dockerfile reader that Bailey carries",
		"Remove the line `# syntax=…`: the reader that is built in knows the current syntax."},
}

// AllowBuild says whether the policy allows a wish to the caller. It is a *RefusalError that prints the entry to add
// when not.
func AllowBuild(w BuildWish, policy Policy, caller Caller) (Relaxation, error) {
	d := &decision{policy: policy, caller: caller}
	about := buildWhy[w.Rule]
	if d.relax(ask{control: about.control, rule: w.Rule, value: w.Value, what: w.What, why: about.why, instead: about.instead}) {
		return d.p.Relaxations[0], nil
	}
	return Relaxation{}, d.err()
}

// BuildSources returns the values that the policy lists for the caller under RuleBuildSource: addresses, exact or
// beginnings that end in "*".
func BuildSources(policy Policy, caller Caller) []string {
	var all []string
	for _, a := range policy.Allow {
		if _, ok := caller.among(a.Callers); ok && a.Rule == RuleBuildSource {
			all = append(all, a.Values...)
		}
	}
	return all
}
