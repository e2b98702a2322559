package runtime

import (
	"context"
	"errors"

	"github.com/bailey-run/bailey/internal/runtime/cgroup"
)

// Runtime executes containers for one node.
type Runtime struct {
	opts    Options
	info    Info
	cgroups *cgroup.Manager
}

var errUnwritten = errors.New("runtime: being written")

// Open unpacks the shipped programs, checks the OCI runtime's version and
// digest (*UnsafeRuntimeError), and opens the node's control groups.
func Open(ctx context.Context, o Options) (*Runtime, error) { return nil, errUnwritten }

// Info tells which OCI runtime is in use.
func (r *Runtime) Info() Info { return r.info }

// Cgroups are the node's control groups.
func (r *Runtime) Cgroups() *cgroup.Manager { return r.cgroups }

// InitPath is the host path of the small static init that a spec may bind into
// a container as its first process.
func (r *Runtime) InitPath() string { return "" }

// Prepare spawns the supervisor. Attach works from here on; nothing of the
// container runs yet.
func (r *Runtime) Prepare(ctx context.Context, req PrepareRequest) (*Container, error) {
	return nil, errUnwritten
}

// Adopt finds a container again that another daemon started. The container is
// never nil when the error is: what Delete and Kill need is there for every
// state. A container whose start is under way is waited for.
func (r *Runtime) Adopt(ctx context.Context, id, runDir, containerDir string) (*Container, Status, error) {
	return nil, Status{}, errUnwritten
}

// Orphans lists what this node left behind and no known container owns.
func (r *Runtime) Orphans(ctx context.Context, known func(id string) bool) ([]Orphan, error) {
	return nil, errUnwritten
}

// RemoveOrphan takes an orphan away, killing its processes first.
func (r *Runtime) RemoveOrphan(ctx context.Context, o Orphan) error { return errUnwritten }
