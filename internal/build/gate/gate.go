package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	controlapi "github.com/moby/buildkit/api/services/control"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bailey-run/bailey/internal/build/executor"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// Gate decides what builds may. It is safe for concurrent use.
type Gate struct {
	policy func() sandbox.Policy

	mu       sync.Mutex
	sessions map[string]sandbox.Caller // live ones, by id
	builds   map[string]*claim         // likewise
}

// New makes a gate that asks for the policy each time.
func New(policy func() sandbox.Policy) *Gate {
	return &Gate{policy: policy, sessions: map[string]sandbox.Caller{}, builds: map[string]*claim{}}
}

// Admit is asked before something is changed; the function that it returns is told the outcome.
type Admit func(ctx context.Context, action, object string, request any) (end func(error), err error)

// client is who is at the other end of a connection.
type client struct {
	sandbox.Caller
	admit Admit
}

type clientKey struct{}

// WithCaller says who is at the other end of a connection, and who is to be asked before something is changed: nobody
// when admit is nil.
func WithCaller(ctx context.Context, c sandbox.Caller, admit Admit) context.Context {
	if admit == nil {
		admit = func(context.Context, string, string, any) (func(error), error) { return func(error) {}, nil }
	}
	return context.WithValue(ctx, clientKey{}, client{c, admit})
}

// clientIn is whom WithCaller named. Without one nothing is decided.
func clientIn(ctx context.Context) (client, error) {
	c, ok := ctx.Value(clientKey{}).(client)
	if !ok {
		return c, errors.New("nobody is known to have asked for this")
	}
	return c, nil
}

// Enter notes whose a session is, until leave is called. A session's id is chosen by its client: one that is another
// caller's is refused, or its builds would get what that caller may.
func (g *Gate) Enter(id string, c sandbox.Caller) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id == "" {
		return nil, errors.New("the session has no id")
	}
	if _, taken := g.sessions[id]; taken {
		return nil, fmt.Errorf("session %.40q exists already", id)
	}
	g.sessions[id] = c
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.sessions, id)
	}, nil
}

// owner is whose a session is.
func (g *Gate) owner(id string) (sandbox.Caller, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, ok := g.sessions[id]
	return c, ok
}

// Unary is where requests pass.
func (g *Gate) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	leave, err := g.within(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	defer leave()
	var action, object string
	solve, isSolve := req.(*controlapi.SolveRequest)
	switch r := req.(type) {
	case *controlapi.SolveRequest:
		action, object = "image.build", namesOf(r)
	case *controlapi.UpdateBuildHistoryRequest:
		action, object = "build.history", r.Ref
	default:
		return next(ctx, req)
	}
	c, err := clientIn(ctx)
	if err != nil {
		return nil, err
	}
	end, err := c.admit(ctx, action, object, req)
	if err != nil {
		return nil, err
	}
	defer func() { end(err) }()
	if !isSolve {
		return next(ctx, req)
	}
	if err := g.admit(solve, c.Caller); err != nil {
		return nil, err
	}
	done, err := g.claim(solve.Ref, c.Caller)
	if err != nil {
		return nil, err
	}
	defer done()
	resp, err = next(ctx, req)
	return resp, g.explain(err, c.Caller)
}

// namesOf are the names that a build is to give.
func namesOf(r *controlapi.SolveRequest) string {
	var names []string
	for _, e := range r.Exporters {
		if n := e.Attrs["name"]; n != "" {
			names = append(names, n)
		}
	}
	return strings.Join(names, ",")
}

// admit decides about a build, and completes what it asks for.
func (g *Gate) admit(r *controlapi.SolveRequest, caller sandbox.Caller) error {
	if owner, ok := g.owner(r.Session); ok && owner.UID != caller.UID {
		return fmt.Errorf("session %.40q is another caller's", r.Session)
	}
	policy := g.policy()
	for _, e := range r.Entitlements {
		if err := entitle(e, policy, caller); err != nil {
			return err
		}
	}
	if r.SourcePolicySession != "" {
		return &sandbox.InvalidError{Field: "--policy", Value: "session", Why: "what a build may fetch is the node's to decide; leave out policies of the client's own"}
	}
	r.ProxyNetwork = false // BuildKit's proxy is not used
	restrictSources(r, policy, caller)
	_, err := sandbox.AllowBuild(outbound, policy, caller)
	noteGrant(r, err == nil)
	recordProvenance(r)
	rewriteTimes(r)
	return nil
}

// outbound is the wish of every step that does not say that it needs no network.
var outbound = sandbox.BuildWish{Rule: sandbox.RuleBuildNetwork, Value: sandbox.BuildOutbound, What: "a network for the steps of a build"}

// entitle decides about what BuildKit calls an entitlement.
func entitle(e string, policy sandbox.Policy, caller sandbox.Caller) error {
	switch {
	case e == "network.host":
		_, err := sandbox.AllowBuild(sandbox.BuildWish{Rule: sandbox.RuleBuildNetwork, Value: sandbox.BuildHost, What: "--network host"}, policy, caller)
		return err
	case e == "security.insecure":
		return &sandbox.InvalidError{Field: "--allow", Value: e, Why: "a build step never runs without its sandbox; do what needs the host outside of the build"}
	case strings.HasPrefix(e, "device"):
		return &sandbox.InvalidError{Field: "--allow", Value: e, Why: "builds have no devices; use them when the image runs, with --device"}
	}
	return &sandbox.InvalidError{Field: "--allow", Value: e, Why: "there is only network.host"}
}

// explain adds to an error what mends it.
func (g *Gate) explain(err error, caller sandbox.Caller) error {
	if err == nil {
		return nil
	}
	var refused error
	switch text := err.Error(); {
	case strings.Contains(text, executor.ErrNoNetwork.Error()):
		_, refused = sandbox.AllowBuild(outbound, g.policy(), caller)
	case strings.Contains(text, "denied by policy"):
		if address := deniedAddress(text); address != "" {
			_, refused = sandbox.AllowBuild(sandbox.BuildWish{Rule: sandbox.RuleBuildSource, Value: address, What: "fetching " + address}, g.policy(), caller)
		}
	}
	if refused == nil {
		return err
	}
	return fmt.Errorf("%w\n\n%w", err, refused)
}

// Stream is where streams pass. One of them is a session, in another dress than that of the API.
func (g *Gate) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	isSession, isPrune := strings.HasSuffix(info.FullMethod, "Control/Session"), strings.HasSuffix(info.FullMethod, "Control/Prune")
	if !isSession && !isPrune {
		leave, err := g.within(stream.Context(), info.FullMethod)
		if err != nil {
			return err
		}
		defer leave()
		return next(srv, history{stream})
	}
	c, err := clientIn(stream.Context())
	if err != nil {
		return err
	}
	if isPrune {
		end, err := c.admit(stream.Context(), "build.prune", "", nil)
		if err != nil {
			return err
		}
		err = next(srv, stream)
		end(err)
		return err
	}
	md, _ := metadata.FromIncomingContext(stream.Context())
	ids := md.Get("x-docker-expose-session-uuid")
	if len(ids) != 1 {
		return errors.New("the session has no id")
	}
	leave, err := g.Enter(ids[0], c.Caller)
	if err != nil {
		return err
	}
	defer leave()
	return next(srv, stream)
}
