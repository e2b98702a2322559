package gate

import (
	"context"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/moby/buildkit/util/network"
)

// grant is an address that nothing is fetched from. Whether a build may fetch from it stands for whether its steps may
// have a network.
//
// A step does not know whose build it belongs to: builds of several callers may share it. What BuildKit does hand to
// whoever runs a step is the policy on sources of the builds that share it, all in one.
const grant = "bailey-grant://network/outbound"

// noteGrant writes down what a build was granted. Only what is not granted is written: of two builds that share a step,
// the one with less decides.
func noteGrant(r *controlapi.SolveRequest, granted bool) {
	if granted {
		return
	}
	r.SourcePolicy.Rules = append(r.SourcePolicy.Rules, &spb.Rule{
		Action: spb.PolicyAction_DENY, Selector: &spb.Selector{Identifier: grant, MatchType: spb.MatchType_EXACT},
	})
}

// Granted tells whether the builds that share a step may all have a network. Where nothing is known, they may not; nor
// where a client's own rules say anything about it.
func Granted(ctx context.Context, policy func() (network.ProxyPolicy, error)) bool {
	if policy == nil {
		return false
	}
	p, err := policy()
	if err != nil || p == nil {
		return false
	}
	source := &pb.SourceOp{Identifier: grant}
	changed, err := p.Evaluate(ctx, &pb.Op{Op: &pb.Op_Source{Source: source}})
	return err == nil && !changed && source.Identifier == grant
}
