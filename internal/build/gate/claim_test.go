package gate

import (
	"context"
	"strings"
	"testing"

	controlapi "github.com/moby/buildkit/api/services/control"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bailey-run/bailey/internal/sandbox"
)

const solveMethod = "/moby.buildkit.v1.Control/Solve"

// as is a call of somebody who names a build.
func as(uid uint32, build string) context.Context {
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("buildkit-controlapi-buildid", build))
	return WithCaller(ctx, sandbox.Caller{UID: uid}, nil)
}

// TestBuildsBelongToTheirCallers: inside of a build are its secrets, its network and its entitlements.
func TestBuildsBelongToTheirCallers(t *testing.T) {
	g := New(func() sandbox.Policy { return sandbox.Policy{} })
	pong := func(context.Context, any) (any, error) { return nil, nil }
	inside := func(uid uint32, method string) error {
		_, err := g.Unary(as(uid, "b1"), &gatewaypb.PingRequest{}, &grpc.UnaryServerInfo{FullMethod: bridge + method}, pong)
		return err
	}
	stream := func(uid uint32) error {
		return g.Stream(nil, serverStream{ctx: as(uid, "b1")}, &grpc.StreamServerInfo{FullMethod: bridge + "ExecProcess"}, func(any, grpc.ServerStream) error { return nil })
	}
	solve := func(uid uint32, during func()) error {
		_, err := g.Unary(as(uid, ""), &controlapi.SolveRequest{Ref: "b1"}, &grpc.UnaryServerInfo{FullMethod: solveMethod}, func(context.Context, any) (any, error) {
			during()
			return nil, nil
		})
		return err
	}
	err := solve(1000, func() {
		for _, method := range []string{"Ping", "Solve", "ReadFile", "NewContainer", "Return"} {
			if err := inside(1000, method); err != nil {
				t.Errorf("%s in one's own build: %v", method, err)
			}
			if err := inside(1001, method); err == nil || !strings.Contains(err.Error(), "another caller's") {
				t.Errorf("%s in another caller's build: %v", method, err)
			}
		}
		if err := stream(1000); err != nil {
			t.Errorf("a process in one's own build: %v", err)
		}
		if err := stream(1001); err == nil {
			t.Error("a process was started in another caller's build")
		}
		if err := solve(1001, func() { t.Error("another caller took the build's id") }); err == nil {
			t.Error("the id of another caller's build was accepted")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := inside(1001, "Ping"); err != nil { // it is over: BuildKit says that it does not know it
		t.Error(err)
	}
	if len(g.builds) != 0 {
		t.Errorf("%d builds are remembered", len(g.builds))
	}
}

// TestBridgeBeforeTheBuild: clients speak to a build before its request has arrived, and nobody takes it from them.
func TestBridgeBeforeTheBuild(t *testing.T) {
	g := New(func() sandbox.Policy { return sandbox.Policy{} })
	_, err := g.Unary(as(1000, "b1"), &gatewaypb.PingRequest{}, &grpc.UnaryServerInfo{FullMethod: bridge + "Ping"}, func(context.Context, any) (any, error) {
		_, err := g.Unary(as(1001, ""), &controlapi.SolveRequest{Ref: "b1"}, &grpc.UnaryServerInfo{FullMethod: solveMethod}, func(context.Context, any) (any, error) { return nil, nil })
		if err == nil {
			t.Error("another caller began the build that this one waits for")
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryImageRecordsItsProvenance: also when the client says that the build is its own affair.
func TestEveryImageRecordsItsProvenance(t *testing.T) {
	for name, r := range map[string]*controlapi.SolveRequest{
		"internal":         {Internal: true, Exporters: []*controlapi.Exporter{{Type: "image"}}},
		"by the session":   {EnableSessionExporter: true},
		"in the old field": {ExporterDeprecated: "image"},
		"switched off":     {Exporters: []*controlapi.Exporter{{Type: "image"}}, FrontendAttrs: map[string]string{attestProvenance: "disabled=true"}},
	} {
		recordProvenance(r)
		if got := r.FrontendAttrs[attestProvenance]; !strings.Contains(got, "version=v1") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// serverStream is a stream of which only the context is used.
type serverStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s serverStream) Context() context.Context { return s.ctx }
