package network

import (
	"context"
	"errors"
	"os"

	"github.com/moby/moby/api/types/network"
)

var errDeclared = errors.New("network: declared, not wired yet")

// Manager owns the networks of one node. It is safe for concurrent use.
type Manager struct{}

// Open creates or repairs what the node needs on the host (table, gateway, bridges), starts DNS and reads the stored
// networks. [Manager.Adopt] must follow before containers are wired.
func Open(ctx context.Context, o Options) (*Manager, error) { return nil, errDeclared }

// Close stops DNS and leaves links and rules as they are, so that containers keep their network.
func (m *Manager) Close() error { return errDeclared }

// Wire gives a container its network. On an error nothing of it is left.
func (m *Manager) Wire(ctx context.Context, r WireRequest) (Attachment, error) {
	return Attachment{}, errDeclared
}

// Prewire puts a link of the default segment into a network namespace that no container uses yet.
func (m *Manager) Prewire(ctx context.Context, netns *os.File) (Segment, error) {
	return Segment{}, errDeclared
}

// Claim makes a prewired segment a container's. It is Wire for the case that r.Networks is empty or the default segment,
// and touches the kernel only for published ports.
func (m *Manager) Claim(ctx context.Context, s Segment, r WireRequest) (Attachment, error) {
	return Attachment{}, errDeclared
}

// Discard removes a prewired segment that nobody claimed.
func (m *Manager) Discard(ctx context.Context, s Segment) error { return errDeclared }

// Connect puts a running container on one more network.
func (m *Manager) Connect(ctx context.Context, r ConnectRequest) (Attachment, error) {
	return Attachment{}, errDeclared
}

// Disconnect takes a running container off a network.
func (m *Manager) Disconnect(ctx context.Context, r DisconnectRequest) (Attachment, error) {
	return Attachment{}, errDeclared
}

// Rename gives a container's new name to DNS.
func (m *Manager) Rename(ctx context.Context, containerID, name string) error { return errDeclared }

// Attachment returns what is wired for a container, and false when nothing is.
func (m *Manager) Attachment(containerID string) (Attachment, bool) { return Attachment{}, false }

// Release removes everything that belongs to a container. It is idempotent.
func (m *Manager) Release(ctx context.Context, containerID string) error { return errDeclared }

// Adopt takes over the containers that still live after a restart of the daemon, and removes links and rules of all others.
func (m *Manager) Adopt(ctx context.Context, live []Attachment) error { return errDeclared }

// Destroy removes everything of this node from the host: tables, links, bridges and claims. Stored networks stay.
func (m *Manager) Destroy(ctx context.Context) error { return errDeclared }

// Create makes a user-defined network.
func (m *Manager) Create(ctx context.Context, r network.CreateRequest) (network.CreateResponse, error) {
	return network.CreateResponse{}, errDeclared
}

// List returns the networks that match, by name.
func (m *Manager) List(ctx context.Context, f Filter) ([]network.Summary, error) {
	return nil, errDeclared
}

// Inspect returns one network by name, id or unambiguous prefix of an id.
func (m *Manager) Inspect(ctx context.Context, ref string) (network.Inspect, error) {
	return network.Inspect{}, errDeclared
}

// Remove deletes a user-defined network that no container is on, and returns its id.
func (m *Manager) Remove(ctx context.Context, ref string) (string, error) { return "", errDeclared }

// Prune deletes the user-defined networks that match and that no container is on, and returns their names.
func (m *Manager) Prune(ctx context.Context, f Filter) ([]string, error) { return nil, errDeclared }
