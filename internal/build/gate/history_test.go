package gate

import (
	"context"
	"testing"

	controlapi "github.com/moby/buildkit/api/services/control"
	"google.golang.org/grpc"

	"github.com/bailey-run/bailey/internal/sandbox"
)

// kept is a stream that keeps what is sent.
type kept struct {
	grpc.ServerStream
	sent []any
}

func (k *kept) Context() context.Context { return context.Background() }
func (k *kept) SendMsg(m any) error      { k.sent = append(k.sent, m); return nil }

// TestHistoryTellsNoSessions: who knows a session's id gets its files.
func TestHistoryTellsNoSessions(t *testing.T) {
	g := New(func() sandbox.Policy { return sandbox.Policy{} })
	event := &controlapi.BuildHistoryEvent{Type: controlapi.BuildHistoryEventType_STARTED, Record: &controlapi.BuildHistoryRecord{
		Ref: "b1", FrontendAttrs: map[string]string{"local-sessionid:context": "s1", "target": "app"},
	}}
	stream := &kept{}
	err := g.Stream(nil, stream, &grpc.StreamServerInfo{FullMethod: "/moby.buildkit.v1.Control/ListenBuildHistory"}, func(_ any, s grpc.ServerStream) error {
		return s.SendMsg(event)
	})
	if err != nil || len(stream.sent) != 1 {
		t.Fatal(err, stream.sent)
	}
	got := stream.sent[0].(*controlapi.BuildHistoryEvent)
	if attrs := got.Record.FrontendAttrs; got.Type != event.Type || got.Record.Ref != "b1" || len(attrs) != 1 || attrs["target"] != "app" {
		t.Errorf("%+v", got)
	}
	if len(event.Record.FrontendAttrs) != 2 {
		t.Error("the build's own record was changed")
	}
}
