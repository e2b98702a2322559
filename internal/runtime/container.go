package runtime

import (
	"context"
	"net"
	"os"
	"sync"

	"github.com/bailey-run/bailey/internal/runtime/cgroup"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Container is one prepared, running or ended container. Its methods may be
// called from several goroutines at once.
type Container struct {
	r                *Runtime
	id, runDir, home string
	prepared         *PrepareRequest // nil when adopted
	process          *os.Process     // the supervisor, when this daemon spawned it
	supervisorGone   chan struct{}   // closed when process has ended
	reapOnce         sync.Once

	mu            sync.Mutex
	control       *net.UnixConn // says when the container ends
	supervisorPid int
	starting      bool
	losing        bool // found without its supervisor, and being killed
	started       *wire.Started

	done chan struct{} // closed when exit is set
	exit Exit
}

func newContainer(r *Runtime, id, runDir, home string) *Container {
	return &Container{r: r, id: id, runDir: runDir, home: home,
		supervisorGone: make(chan struct{}), done: make(chan struct{})}
}

// ID is the container's id.
func (c *Container) ID() string { return c.id }

// Pid is the main process, as the host numbers it; 0 before Start.
func (c *Container) Pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started == nil {
		return 0
	}
	return c.started.Pid
}

// SupervisorPid is the supervisor, in whose mount namespace the paths of
// PathsIn exist; 0 when there is none.
func (c *Container) SupervisorPid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.supervisorPid
}

// Wait returns when the main process has ended and that is on disk. It may be
// called any number of times, before and after the end.
func (c *Container) Wait(ctx context.Context) (Exit, error) {
	select {
	case <-c.done:
		return c.exit, nil
	default:
	}
	select {
	case <-c.done:
		return c.exit, nil
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	}
}

// Done is closed when Wait would return at once.
func (c *Container) Done() <-chan struct{} { return c.done }

func (c *Container) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Kill kills every process of the container and returns when none is left.
func (c *Container) Kill(ctx context.Context) error { return c.r.cgroups.KillAll(ctx, c.id) }

// Pause freezes every process; Resume lets them go on.
func (c *Container) Pause(ctx context.Context) error { return c.r.cgroups.Freeze(ctx, c.id) }

// Resume undoes Pause.
func (c *Container) Resume(ctx context.Context) error { return c.r.cgroups.Thaw(ctx, c.id) }

// Pids lists the container's processes as the host numbers them.
func (c *Container) Pids(context.Context) ([]int, error) { return c.r.cgroups.Pids(c.id) }

// Stats reads what the container has used.
func (c *Container) Stats(context.Context) (cgroup.Stats, error) { return c.r.cgroups.Stats(c.id) }

// Update changes the limits of a running container.
func (c *Container) Update(ctx context.Context, res *specs.LinuxResources) error {
	return c.r.update(ctx, c.id, res)
}
