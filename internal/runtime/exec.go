package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/wire"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Exec starts a further process. To miss nothing of what it writes, attach to
// its id first. A refusal is a *StartError; ErrNotRunning when there is no
// container to start it in.
func (c *Container) Exec(ctx context.Context, req ExecRequest) (ExecStarted, error) {
	if c.ended() {
		return ExecStarted{}, ErrNotRunning
	}
	if err := c.r.verify(); err != nil {
		return ExecStarted{}, err
	}
	maps, err := mapsOfProcess(c.Pid())
	if err != nil {
		return ExecStarted{}, notRunning(err)
	}
	process := *req.Process
	process.Terminal = req.Terminal
	if req.Terminal && req.Rows > 0 && req.Cols > 0 && process.ConsoleSize == nil {
		process.ConsoleSize = &specs.Box{Height: uint(req.Rows), Width: uint(req.Cols)}
	}
	b, err := json.Marshal(&process)
	if err != nil {
		return ExecStarted{}, fmt.Errorf("write the OCI process: %w", err)
	}
	m := wire.Exec{ID: req.ID, Process: b, Terminal: req.Terminal, OpenStdin: req.OpenStdin, Rows: req.Rows, Cols: req.Cols}
	m.UID, m.GID = maps.host(process.User.UID, process.User.GID)
	started, err := c.exec(ctx, m.Append(nil))
	var refused *StartError
	if errors.As(err, &refused) && c.ending() {
		err = ErrNotRunning // what the OCI runtime met in it is not what is wrong
	}
	if err != nil {
		return ExecStarted{}, err
	}
	return ExecStarted{Pid: started.Pid, At: time.Unix(0, started.At)}, nil
}

// endingTime is how long the end of a container takes in which a process could
// not be started because it is ending.
const endingTime = time.Second

// ending tells whether the main process has been ending while a process could
// not be started: the kernel refuses one more in a process namespace that is
// being taken down, and the supervisor may not have seen that yet.
func (c *Container) ending() bool {
	c.mu.Lock()
	m := c.started
	c.mu.Unlock()
	if m != nil && alive(m.Pid, m.Ticks) && !exiting(m.Pid) {
		return c.ended()
	}
	select {
	case <-c.done:
		return true
	case <-time.After(endingTime):
		return false
	}
}

func (c *Container) exec(ctx context.Context, payload []byte) (*wire.Started, error) {
	conn, stop, err := c.request(ctx, wire.KindExec, payload)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return readStarted(ctx, conn, stop)
}

// readStarted reads the answer about a start.
func readStarted(ctx context.Context, conn *net.UnixConn, stop func() bool) (*wire.Started, error) {
	k, payload, err := wire.Read(conn, nil)
	switch {
	case !stop():
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, notRunning(err)
	case k == wire.KindError:
		return nil, refusal(payload)
	case k != wire.KindStarted:
		return nil, ErrNotRunning
	}
	m, err := wire.ParseStarted(payload)
	return &m, err
}

// ExecWait returns when the exec has ended. ErrNoExec when it is not known (any more).
func (c *Container) ExecWait(ctx context.Context, execID string) (Exit, error) {
	return c.ExecFollow(ctx, execID, func(int) {})
}

// ExecFollow is ExecWait that says before how the exec is numbered by the host, as
// soon as it runs. It is not said of one that has ended.
func (c *Container) ExecFollow(ctx context.Context, execID string, runs func(pid int)) (Exit, error) {
	m := wire.Wait{ExecID: execID}
	conn, stop, err := c.request(ctx, wire.KindWait, m.Append(nil))
	if err != nil {
		return c.recordedExec(ctx, execID)
	}
	defer conn.Close()
	exit, err := readExit(conn, func(m wire.Started) { runs(m.Pid) })
	var refused *StartError
	switch {
	case !stop():
		return Exit{}, context.Cause(ctx)
	case err == nil:
		return exitOf(exit), nil
	case errors.As(err, &refused):
		return Exit{}, fmt.Errorf("%w: %s", ErrNoExec, refused.Message)
	}
	return c.recordedExec(ctx, execID)
}

// recordedExec is how an exec ended according to what the supervisor left. An
// exec that was under way when the supervisor was killed died with it.
func (c *Container) recordedExec(ctx context.Context, execID string) (Exit, error) {
	if rec := readRecord(filepath.Join(c.runDir, "exec-"+filepath.Base(execID)+".json")); rec != nil {
		return rec.exit(), nil
	}
	if _, err := c.Wait(ctx); err != nil {
		return Exit{}, err
	}
	return Exit{Code: 128 + int(syscall.SIGKILL), Signal: syscall.SIGKILL, At: c.exit.At, Reason: "the container has ended"}, nil
}

// Resize sets a terminal's size; execID is empty for the container's own. The
// size of one that is still to come is remembered.
func (c *Container) Resize(ctx context.Context, execID string, rows, cols uint16) error {
	m := wire.Resize{ExecID: execID, Rows: rows, Cols: cols}
	conn, stop, err := c.request(ctx, wire.KindResize, m.Append(nil))
	if err != nil {
		return err
	}
	defer conn.Close()
	k, payload, err := wire.Read(conn, nil)
	switch {
	case !stop():
		return context.Cause(ctx)
	case err != nil:
		return notRunning(err)
	case k == wire.KindError:
		return refusal(payload)
	}
	return nil
}
