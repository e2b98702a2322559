package gate

import (
	"maps"
	"strings"

	controlapi "github.com/moby/buildkit/api/services/control"
	"google.golang.org/grpc"
)

// sessionOf is the beginning of attributes that name a client's session, for the files of a build.
const sessionOf = "local-sessionid:"

// history is a stream that tells everybody of everybody's builds. Sessions are left out: BuildKit gives the files of a
// session to whoever knows its id.
type history struct{ grpc.ServerStream }

// SendMsg sends a message.
func (h history) SendMsg(m any) error {
	e, ok := m.(*controlapi.BuildHistoryEvent)
	if !ok || e.Record == nil {
		return h.ServerStream.SendMsg(m)
	}
	record := e.Record.CloneVT() // the build goes on with the other one
	maps.DeleteFunc(record.FrontendAttrs, func(key, _ string) bool { return strings.HasPrefix(key, sessionOf) })
	return h.ServerStream.SendMsg(&controlapi.BuildHistoryEvent{Type: e.Type, Record: record})
}
