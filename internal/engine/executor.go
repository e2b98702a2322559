package engine

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// Executor is the engine as a scheduler sees it: all that a cluster's
// executor or a pipeline needs to run work on a node. Secrets are named in
// the request and come through the engine's Secrets port, so that a cluster
// can deliver its own.
type Executor interface {
	// Plan says whether a container may run, and with which posture.
	Plan(ctx context.Context, r CreateRequest) (Plan, error)
	// Create prepares a container under the caller's own id (ExternalID).
	// A second Create with that id is a conflict and not a second container.
	Create(ctx context.Context, r CreateRequest) (CreateResult, error)
	// Adopt finds again what was created under an id of the caller's,
	// whichever side was restarted in between.
	Adopt(ctx context.Context, externalID string) (Inspection, error)
	Start(ctx context.Context, ref string) error
	// Wait has registered the waiter when it returns.
	Wait(ctx context.Context, ref string, condition container.WaitCondition) (<-chan WaitResult, error)
	Stop(ctx context.Context, ref string, o StopOptions) error
	Remove(ctx context.Context, ref string, o RemoveOptions) error
	ExecCreate(ctx context.Context, ref string, r container.ExecCreateRequest) (string, error)
	ExecStart(ctx context.Context, id string, r ExecStartRequest) (Stream, error)
	Logs(ctx context.Context, ref string, r LogsRequest) (LogReader, bool, error)
	NetworkConnect(ctx context.Context, ref string, r network.ConnectRequest) error
	NetworkDisconnect(ctx context.Context, ref string, r network.DisconnectRequest) error
}

var _ Executor = (*Engine)(nil)

// Adopt returns the container that was created under the caller's own id.
func (e *Engine) Adopt(ctx context.Context, externalID string) (Inspection, error) {
	if c := e.external(externalID); c != nil {
		return e.Inspect(ctx, c.id(), false)
	}
	return Inspection{}, fmt.Errorf("no container was created under the id %q: %w", externalID, errdefs.ErrNotFound)
}

// external finds a container by its caller's id.
func (e *Engine) external(id string) *cont {
	if id == "" {
		return nil
	}
	for _, c := range e.all() {
		if c.record().ExternalID == id {
			return c
		}
	}
	return nil
}
