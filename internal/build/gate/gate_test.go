package gate

import (
	"context"
	"testing"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/sourcepolicy"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/moby/buildkit/util/network"

	"google.golang.org/grpc"

	"github.com/bailey-run/bailey/internal/sandbox"
)

var caller = sandbox.Caller{UID: 1000, User: "ci"}

func policyOf(rule string, values ...string) sandbox.Policy {
	return sandbox.Policy{Allow: []sandbox.Allow{{Rule: rule, Values: values, Callers: []string{"ci"}, Reason: "test"}}}
}

// TestSources: what a listed beginning allows, in the words in which BuildKit asks.
func TestSources(t *testing.T) {
	policy := policyOf(sandbox.RuleBuildSource, "https://host.example/team/*", "https://host.example/one.git", "http://plain.example/f")
	for _, tt := range []struct {
		id, remote string
		ok         bool
	}{
		{"docker-image://docker.io/library/debian:12", "", true}, {"local://context", "", true},
		{"https://host.example/team/x.tar", "", true}, {"https://host.example/team/x?y=../z", "", true},
		{"https://host.example/other", "", false}, {"http://host.example/team/x", "", false}, {"https://evil.example/team/x", "", false},
		{"https://host.example.evil/team/x", "", false}, {"https://host.example@evil.example/team/", "", false},
		{"https://host.example/team/../other", "", false}, {"https://host.example/team/%2e%2E/other", "", false},
		{"https://host.example/team/..%2fother", "", false}, {`https://host.example/team/..\other`, "", false}, {"https://host.example/team/..", "", false},
		{"http://plain.example/f", "", true}, {"http://plain.example/f2", "", false},
		{"git://host.example/team/r.git#main", "https://host.example/team/r.git", true},
		{"git://host.example/team/r.git#main", "http://host.example/team/r.git", false},
		{"git://host.example/one.git", "https://host.example/one.git", true},
		{"git://host.example/one.git2", "https://host.example/one.git2", false},
		{"git://evil.example/team/r.git", "https://evil.example/team/r.git", false},
		{"git://host.example/team/r.git", "", false},
		{"http://buildkit-session/abc", "", true}, {"http://buildkit-session.evil/abc", "", false},
	} {
		r := &controlapi.SolveRequest{SourcePolicy: &spb.Policy{Rules: []*spb.Rule{{
			Action: spb.PolicyAction_ALLOW, Selector: &spb.Selector{Identifier: ".*", MatchType: spb.MatchType_REGEX}, // a client's own
		}}}}
		restrictSources(r, policy, caller)
		op := &pb.SourceOp{Identifier: tt.id, Attrs: map[string]string{}}
		if tt.remote != "" {
			op.Attrs[pb.AttrFullRemoteURL] = tt.remote
		}
		_, err := sourcepolicy.NewEngine([]*spb.Policy{r.SourcePolicy}).Evaluate(context.Background(), op)
		if (err == nil) != tt.ok {
			t.Errorf("%s (%s): %v", tt.id, tt.remote, err)
		}
	}
}

// TestAdmit: what a client says of its own rights does not count.
func TestAdmit(t *testing.T) {
	g := New(func() sandbox.Policy { return sandbox.Policy{} })
	r := &controlapi.SolveRequest{ProxyNetwork: true, Exporters: []*controlapi.Exporter{{Type: "image"}}}
	if err := g.admit(r, caller); err != nil || r.ProxyNetwork || grantedTo(r) {
		t.Errorf("a network was taken: %v %v", err, r.ProxyNetwork)
	}
	if err := g.admit(&controlapi.SolveRequest{SourcePolicySession: "s"}, caller); err == nil {
		t.Error("a client's own policy was let through")
	}
	for _, rule := range []*spb.Rule{
		{Action: spb.PolicyAction_ALLOW, Selector: &spb.Selector{Identifier: grant}},
		{Action: spb.PolicyAction_ALLOW, Selector: &spb.Selector{Identifier: ".*", MatchType: spb.MatchType_REGEX}},
		{Action: spb.PolicyAction_CONVERT, Selector: &spb.Selector{Identifier: grant}, Updates: &spb.Update{Identifier: "docker-image://docker.io/library/x:1"}},
	} {
		r := &controlapi.SolveRequest{SourcePolicy: &spb.Policy{Rules: []*spb.Rule{rule}}}
		if err := g.admit(r, caller); err != nil || grantedTo(r) {
			t.Errorf("a rule of the client's took a network: %v", rule)
		}
	}
	if r.FrontendAttrs[attestProvenance] == "" {
		t.Error("no provenance")
	}
	for _, e := range []string{"network.host", "security.insecure", "device", "device=x", "network.hosts", ""} {
		if err := g.admit(&controlapi.SolveRequest{Entitlements: []string{e}}, caller); err == nil {
			t.Errorf("%q was let through", e)
		}
	}
	g = New(func() sandbox.Policy { return policyOf(sandbox.RuleBuildNetwork, sandbox.BuildOutbound) })
	mine, others := &controlapi.SolveRequest{}, &controlapi.SolveRequest{}
	if err := g.admit(mine, caller); err != nil || !grantedTo(mine) {
		t.Errorf("a network that the policy allows was not granted: %v", err)
	}
	if err := g.admit(others, sandbox.Caller{UID: 5, User: "other"}); err != nil || grantedTo(others) || grantedTo(mine, others) || grantedTo(others, mine) {
		t.Errorf("another caller was granted a network: %v", err)
	}
	if Granted(context.Background(), nil) || Granted(context.Background(), func() (network.ProxyPolicy, error) { return nil, nil }) {
		t.Error("without a word there was a network")
	}
	for _, e := range []string{"network.host", "security.insecure"} {
		if err := g.admit(&controlapi.SolveRequest{Entitlements: []string{e}}, caller); err == nil {
			t.Errorf("%q was let through by another rule", e)
		}
	}
	if _, err := g.Unary(context.Background(), r, &grpc.UnaryServerInfo{FullMethod: solveMethod}, nil); err == nil {
		t.Error("a build of nobody was let through")
	}
}

// grantedTo asks as a worker does, for builds that share a step.
func grantedTo(requests ...*controlapi.SolveRequest) bool {
	all := &spb.Policy{}
	for _, r := range requests {
		all.Rules = append(all.Rules, r.SourcePolicy.Rules...)
	}
	return Granted(context.Background(), func() (network.ProxyPolicy, error) { return evaluator{all}, nil })
}

type evaluator struct{ policy *spb.Policy }

func (e evaluator) Evaluate(ctx context.Context, op *pb.Op) (bool, error) {
	return sourcepolicy.NewEngine([]*spb.Policy{e.policy}).Evaluate(ctx, op.GetSource())
}

// TestSessionsBelongToSomebody: a build does not speak by another caller's session.
func TestSessionsBelongToSomebody(t *testing.T) {
	g := New(func() sandbox.Policy { return sandbox.Policy{} })
	leave, err := g.Enter("s", caller)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Enter("s", sandbox.Caller{UID: 2}); err == nil {
		t.Error("one id, two sessions")
	}
	if err := g.admit(&controlapi.SolveRequest{Session: "s"}, sandbox.Caller{UID: 2}); err == nil {
		t.Error("a session was taken over")
	}
	if err := g.admit(&controlapi.SolveRequest{Session: "s"}, caller); err != nil {
		t.Error(err)
	}
	leave()
	if _, ok := g.owner("s"); ok {
		t.Error("the session is still there")
	}
}

func TestIsDockerfile(t *testing.T) {
	for source, want := range map[string]bool{
		"docker/dockerfile": true, "docker/dockerfile:1": true, "docker.io/docker/dockerfile:1.7.0": true, "docker/dockerfile:latest": true,
		"docker/dockerfile:1@sha256:0000000000000000000000000000000000000000000000000000000000000000": true,
		"docker/dockerfile:1-labs": false, "docker/dockerfile:master": false, "docker/dockerfile-upstream:1": false,
		"evil.example/docker/dockerfile:1": false, "docker/dockerfile:10": false, "dockerfile:1": false, "": false,
	} {
		if got := isDockerfile(source); got != want {
			t.Errorf("%q: %v", source, got)
		}
	}
}
