package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
)

// execution is a further process in a container.
type execution struct {
	container string
	run       *run // nil when the container's last run is gone

	over  chan struct{} // closed when it has ended and code is known
	known chan struct{} // closed when it is known how it stands, which an adopted one must be asked for
	once  sync.Once     // closes known

	mu      sync.Mutex
	rec     execRecord // ID, Request, Process and Created do not change
	running bool
	pid     int
}

func newExecution(container string, rec execRecord, r *run) *execution {
	return &execution{container: container, rec: rec, run: r, over: make(chan struct{}), known: make(chan struct{})}
}

// ExecCreate decides a further process in a running container; it has the
// container's posture. It runs with ExecStart.
func (e *Engine) ExecCreate(ctx context.Context, ref string, r container.ExecCreateRequest) (string, error) {
	c, err := e.find(ref)
	if err != nil {
		return "", err
	}
	run, err := c.running()
	if err != nil {
		return "", err
	}
	rec := c.record()
	if rec.State.Status == store.Paused {
		return "", fmt.Errorf("container %s is paused: resume it with `bailey unpause %s`: %w", rec.Name, rec.Name, errdefs.ErrConflict)
	}
	if len(r.Cmd) == 0 {
		return "", fmt.Errorf("no exec command specified: %w", errdefs.ErrInvalidArgument)
	}
	req := sandbox.ExecRequest{Args: r.Cmd, Env: r.Env, WorkingDir: r.WorkingDir, Terminal: r.Tty, Privileged: r.Privileged}
	if r.User != "" {
		img, err := e.opts.Images.Get(ctx, rec.ImageID)
		if err != nil {
			return "", err
		}
		who, err := e.identity(ctx, img, r.User, nil)
		if err != nil {
			return "", err
		}
		req.Identity = &who.Identity
	}
	process, err := sandbox.ExecProcess(rec.Posture, req)
	if err != nil {
		return "", refusal(err)
	}
	x := newExecution(rec.ID, execRecord{ID: newID(), Request: r, Process: process, Created: time.Now().UTC()}, run)
	x.settled()
	e.boundExecs(rec.ID)
	if err := e.saveExec(x); err != nil {
		return "", err
	}
	e.keepExec(x)
	e.emitExec(x, events.ActionExecCreate, nil)
	return x.rec.ID, nil
}

func (e *Engine) keepExec(x *execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.execs[x.rec.ID] = x
}

// ExecStart runs a decided process. Unless detached, the stream is attached
// before the process begins, so that nothing of its output is missed.
func (e *Engine) ExecStart(ctx context.Context, id string, r ExecStartRequest) (Stream, error) {
	x, err := e.exec(id)
	if err != nil {
		return nil, err
	}
	if err := e.beginExec(x); err != nil {
		return nil, err
	}
	out, started, err := e.launchExec(ctx, x, r)
	if err != nil {
		late := errors.Is(err, runtime.ErrNotRunning)
		code := execFailure(err)
		if late {
			code = lateExec
		}
		// Clients take an exec without an exit code for one that has ended well.
		e.execEnded(x, code)
		e.background(func(ctx context.Context) { e.forgetExecLater(ctx, x, execKept) })
		if late {
			return nil, e.execTooLate(x)
		}
		return nil, fmt.Errorf("exec in container %.12s: %w", x.container, err)
	}
	x.mu.Lock()
	x.running, x.pid = true, started.Pid
	x.mu.Unlock()
	e.emitExec(x, events.ActionExecStart, nil)
	e.background(func(ctx context.Context) { e.followExec(ctx, x) })
	return out, nil
}

// launchExec attaches the stream, unless none is wanted, and has the supervisor start the process.
func (e *Engine) launchExec(ctx context.Context, x *execution, r ExecStartRequest) (out Stream, started runtime.ExecStarted, err error) {
	if x.run == nil || isClosed(x.run.ended) {
		return nil, started, runtime.ErrNotRunning
	}
	want := x.rec.Request
	req := runtime.ExecRequest{ID: x.rec.ID, Process: x.rec.Process, Terminal: want.Tty, OpenStdin: want.AttachStdin && !r.Detach}
	size := r.ConsoleSize
	if size == nil {
		size = want.ConsoleSize
	}
	if size != nil {
		req.Rows, req.Cols = uint16(size[0]), uint16(size[1])
	}
	if !r.Detach {
		s, err := x.run.Attach(ctx, runtime.AttachRequest{ExecID: x.rec.ID, Stdin: want.AttachStdin, Stdout: want.AttachStdout, Stderr: want.AttachStderr})
		if err != nil {
			return nil, started, fmt.Errorf("attach: %w", err)
		}
		out = &execStream{Stream: s, x: x, closed: make(chan struct{})}
	}
	if started, err = x.run.Exec(context.WithoutCancel(ctx), req); err != nil && out != nil {
		_ = out.Close() // err says why
		out = nil
	}
	return out, started, err
}

// lateExec is the exit code of an exec whose container ended before it began: that of a client which is refused an exec
// because its container does not run.
const lateExec = 1

func (e *Engine) execTooLate(x *execution) error {
	err := &ExecTooLateError{Exec: x.rec.ID, Container: fmt.Sprintf("%.12s", x.container)}
	if c, missing := e.find(x.container); missing == nil {
		err.Container = c.record().Name
	}
	return err
}

// beginExec notes that an exec is being started, which happens once.
func (e *Engine) beginExec(x *execution) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.rec.Begun {
		return fmt.Errorf("exec %.12s has already run: create another: %w", x.rec.ID, errdefs.ErrConflict)
	}
	x.rec.Begun = true
	if err := e.saveExec(x); err != nil {
		x.rec.Begun = false
		return err
	}
	return nil
}

// followExec records how an exec ends.
func (e *Engine) followExec(ctx context.Context, x *execution) {
	exit, err := x.run.ExecWait(ctx, x.rec.ID)
	if ctx.Err() != nil {
		return // the node stops; the process goes on, and the next daemon asks how it ended
	}
	if err != nil {
		exit.Code = lostExec
	}
	e.execEnded(x, exit.Code)
	e.forgetExecLater(ctx, x, execKept)
}

// execEnded notes the end of an exec and tells who waits for it.
func (e *Engine) execEnded(x *execution, code int) {
	x.mu.Lock()
	x.running, x.rec.Code, x.rec.Ended = false, &code, time.Now().UTC()
	err := e.saveExec(x)
	close(x.over)
	x.mu.Unlock()
	if err != nil && !errdefs.IsNotFound(err) { // the supervisor knows it still
		e.log.Warn("the end of an exec is not on disk", "container", x.container, "error", err)
	}
	e.emitExec(x, events.ActionExecDie, map[string]string{"exitCode": fmt.Sprint(code)})
}

// hasEnded reports whether the process has ended.
func (x *execution) hasEnded() bool { return isClosed(x.over) }

// isIdle reports whether the exec was not started.
func (x *execution) isIdle() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.rec.Begun
}

// execKnown is how long an answer waits for a supervisor to say how an adopted
// exec stands, which takes it a fraction of a millisecond.
const execKnown = 2 * time.Second

// ExecInspect tells how an exec stands.
func (e *Engine) ExecInspect(ctx context.Context, id string) (container.ExecInspectResponse, error) {
	x, err := e.exec(id)
	if err != nil {
		return container.ExecInspectResponse{}, err
	}
	select {
	case <-x.known:
	case <-time.After(execKnown):
	case <-ctx.Done():
		return container.ExecInspectResponse{}, ctx.Err()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.rec.Request
	return container.ExecInspectResponse{
		ID: x.rec.ID, ContainerID: x.container, Running: x.running, ExitCode: x.rec.Code, Pid: x.pid,
		OpenStdin: r.AttachStdin, OpenStdout: r.AttachStdout, OpenStderr: r.AttachStderr,
		ProcessConfig: &container.ExecProcessConfig{
			Tty: r.Tty, Entrypoint: r.Cmd[0], Arguments: r.Cmd[1:], Privileged: &r.Privileged, User: r.User,
		},
	}, nil
}

// ExecResize sets the size of an exec's terminal, in characters.
func (e *Engine) ExecResize(ctx context.Context, id string, rows, cols uint16) error {
	x, err := e.exec(id)
	if err != nil {
		return err
	}
	x.mu.Lock()
	running := x.running
	x.mu.Unlock()
	err = runtime.ErrNotRunning
	if running && x.run != nil {
		err = x.run.Resize(ctx, x.rec.ID, rows, cols)
	}
	if errors.Is(err, runtime.ErrNotRunning) {
		return fmt.Errorf("exec %.12s: its process is not running: %w", id, errdefs.ErrFailedPrecondition)
	}
	return err
}

func (e *Engine) exec(id string) (*execution, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	x, ok := e.execs[id]
	if !ok {
		return nil, &NotFoundError{Kind: "exec instance", Ref: id}
	}
	return x, nil
}

// execStream is an exec's stream. Clients ask for the exit code as soon as the
// output has ended, however it has, and take none for success: it ends when the
// code is known, or when nobody reads it any more.
type execStream struct {
	Stream
	x      *execution
	closed chan struct{}
	once   sync.Once // closes closed
}

// ReadFrame returns the next piece of output.
func (s *execStream) ReadFrame() (byte, []byte, error) {
	stream, payload, err := s.Stream.ReadFrame()
	if err != nil {
		select {
		case <-s.x.over:
		case <-s.closed:
		}
	}
	return stream, payload, err
}

// Close ends the session.
func (s *execStream) Close() error {
	s.once.Do(func() { close(s.closed) })
	return s.Stream.Close()
}

func (e *Engine) emitExec(x *execution, action events.Action, extra map[string]string) {
	c, err := e.find(x.container)
	if err != nil {
		return
	}
	if action == events.ActionExecCreate || action == events.ActionExecStart {
		action = events.Action(string(action) + ": " + strings.Join(x.rec.Request.Cmd, " "))
	}
	attributes := map[string]string{"execID": x.rec.ID}
	for k, v := range extra {
		attributes[k] = v
	}
	e.emit(c, action, attributes)
}
