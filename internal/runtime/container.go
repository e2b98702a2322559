package runtime

import (
	"context"
	"syscall"

	"github.com/bailey-run/bailey/internal/runtime/cgroup"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Container is one prepared, running or ended container. Its methods may be
// called from several goroutines at once.
type Container struct{}

// ID is the container's id.
func (c *Container) ID() string { return "" }

// Pid is the main process, as the host numbers it; 0 before Start.
func (c *Container) Pid() int { return 0 }

// SupervisorPid is the supervisor, in whose mount namespace the paths of
// PathsIn exist.
func (c *Container) SupervisorPid() int { return 0 }

// Start mounts the root file system, delivers the secrets, opens the published
// ports and executes the runtime. A refusal is a *StartError, after which the
// supervisor is gone and only Delete is left to do. Cancelling ctx kills the
// supervisor and what it started.
func (c *Container) Start(ctx context.Context, req StartRequest) (Started, error) {
	return Started{}, errUnwritten
}

// Wait returns when the main process has ended and that is on disk. It may be
// called any number of times, before and after the end.
func (c *Container) Wait(ctx context.Context) (Exit, error) { return Exit{}, errUnwritten }

// Done is closed when Wait would return at once.
func (c *Container) Done() <-chan struct{} { return nil }

// Attach opens a stream to the container or to one of its execs.
func (c *Container) Attach(ctx context.Context, req AttachRequest) (*Stream, error) {
	return nil, errUnwritten
}

// Resize sets a terminal's size; execID is empty for the container's own.
func (c *Container) Resize(ctx context.Context, execID string, rows, cols uint16) error {
	return errUnwritten
}

// Exec starts a further process. A refusal is a *StartError.
func (c *Container) Exec(ctx context.Context, req ExecRequest) (ExecStarted, error) {
	return ExecStarted{}, errUnwritten
}

// ExecWait returns when the exec has ended. ErrNoExec when it is not known (any more).
func (c *Container) ExecWait(ctx context.Context, execID string) (Exit, error) {
	return Exit{}, errUnwritten
}

// Signal sends a signal to the main process. ErrNotRunning when it has ended.
func (c *Container) Signal(ctx context.Context, sig syscall.Signal) error { return errUnwritten }

// SignalExec sends a signal to an exec's process.
func (c *Container) SignalExec(ctx context.Context, execID string, sig syscall.Signal) error {
	return errUnwritten
}

// Kill kills every process of the container and returns when none is left.
func (c *Container) Kill(ctx context.Context) error { return errUnwritten }

// Pause freezes every process; Resume lets them go on.
func (c *Container) Pause(ctx context.Context) error { return errUnwritten }

// Resume undoes Pause.
func (c *Container) Resume(ctx context.Context) error { return errUnwritten }

// Update changes the limits of a running container.
func (c *Container) Update(ctx context.Context, res *specs.LinuxResources) error {
	return errUnwritten
}

// Pids lists the container's processes as the host numbers them.
func (c *Container) Pids(ctx context.Context) ([]int, error) { return nil, errUnwritten }

// Stats reads what the container has used.
func (c *Container) Stats(ctx context.Context) (cgroup.Stats, error) {
	return cgroup.Stats{}, errUnwritten
}

// Delete ends whatever is left of the container (supervisor, processes,
// control groups, the runtime's state, the run directory). It may be called in
// every state, again after a failure, and again after a success.
func (c *Container) Delete(ctx context.Context) error { return errUnwritten }
