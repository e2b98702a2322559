package gate

import (
	"regexp"
	"strings"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"

	"github.com/bailey-run/bailey/internal/sandbox"
)

// uploads are contexts that the client itself sends, as BuildKit names them.
const uploads = "http://buildkit-session/"

// restrictSources has BuildKit fetch only from addresses that the policy lists. Images are not restricted: anybody may
// pull. The rules go behind those of the client, and of rules that match, the last one counts; what a client's rule turns
// into another address is looked at again.
func restrictSources(r *controlapi.SolveRequest, policy sandbox.Policy, caller sandbox.Caller) {
	if r.SourcePolicy == nil {
		r.SourcePolicy = &spb.Policy{Version: 1}
	}
	add := func(action spb.PolicyAction, pattern string, constraints ...*spb.AttrConstraint) {
		r.SourcePolicy.Rules = append(r.SourcePolicy.Rules, &spb.Rule{
			Action:   action,
			Selector: &spb.Selector{Identifier: "^" + pattern, MatchType: spb.MatchType_REGEX, Constraints: constraints},
		})
	}
	add(spb.PolicyAction_DENY, "(http|https|git)://")
	add(spb.PolicyAction_ALLOW, uploads)
	for _, address := range sandbox.BuildSources(policy, caller) {
		if address == "*" {
			add(spb.PolicyAction_ALLOW, "(http|https|git)://")
			continue
		}
		begin, open := strings.CutSuffix(address, "*")
		end := "$"
		if open {
			end = ""
		}
		add(spb.PolicyAction_ALLOW, regexp.QuoteMeta(begin)+end)
		// BuildKit names a repository without the way to it, which it keeps beside.
		_, rest, _ := strings.Cut(begin, "://")
		add(spb.PolicyAction_ALLOW, "git://"+regexp.QuoteMeta(rest), &spb.AttrConstraint{
			Key: pb.AttrFullRemoteURL, Value: "^" + regexp.QuoteMeta(begin) + end, Condition: spb.AttrMatch_MATCHES,
		})
	}
	add(spb.PolicyAction_DENY, odd)
}

// odd are addresses that mean another path than they seem to begin with, to one server or another.
const odd = `(http|https|git)://[^?#]*((/\.{1,2}(/|$|[?#]))|\\|%(2[eEfF]|5[cC]))`

// denied is how BuildKit says that a source is not allowed.
var denied = regexp.MustCompile(`source "((?:https?|git)://[^"\s]+)" denied by policy`)

// deniedAddress is the address of such an error, as the policy would list it.
func deniedAddress(text string) string {
	m := denied.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	address, _, _ := strings.Cut(m[1], "#")
	if rest, ok := strings.CutPrefix(address, "git://"); ok {
		address = "https://" + rest
	}
	return address
}
