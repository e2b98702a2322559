package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// execKept is how long the result of an exec can be asked for after its end.
const execKept = 5 * time.Minute

// execution is a further process in a container.
type execution struct {
	id, container string
	req           container.ExecCreateRequest
	process       *specs.Process
	run           *run

	over chan struct{} // closed when it has ended and code is known

	mu      sync.Mutex
	begun   bool
	running bool
	pid     int
	code    *int
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
	x := &execution{id: newID(), container: rec.ID, req: r, process: process, run: run, over: make(chan struct{})}
	e.mu.Lock()
	e.execs[x.id] = x
	e.mu.Unlock()
	e.emitExec(x, events.ActionExecCreate, nil)
	return x.id, nil
}

// ExecStart runs a decided process. Unless detached, the stream is attached
// before the process begins, so that nothing of its output is missed.
func (e *Engine) ExecStart(ctx context.Context, id string, r ExecStartRequest) (Stream, error) {
	x, err := e.exec(id)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	if x.begun {
		x.mu.Unlock()
		return nil, fmt.Errorf("exec %.12s has already run: create another: %w", id, errdefs.ErrConflict)
	}
	x.begun = true
	x.mu.Unlock()
	var out Stream
	req := runtime.ExecRequest{ID: x.id, Process: x.process, Terminal: x.req.Tty, OpenStdin: x.req.AttachStdin && !r.Detach}
	size := r.ConsoleSize
	if size == nil {
		size = x.req.ConsoleSize
	}
	if size != nil {
		req.Rows, req.Cols = uint16(size[0]), uint16(size[1])
	}
	if !r.Detach {
		s, err := x.run.Attach(ctx, runtime.AttachRequest{ExecID: x.id, Stdin: x.req.AttachStdin, Stdout: x.req.AttachStdout, Stderr: x.req.AttachStderr})
		if err != nil {
			return nil, fmt.Errorf("attach to exec: %w", err)
		}
		out = &execStream{Stream: s, x: x}
	}
	started, err := x.run.Exec(context.WithoutCancel(ctx), req)
	if err != nil {
		x.finish(execFailure(err))
		if out != nil {
			_ = out.Close()
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

// followExec records how an exec ends.
func (e *Engine) followExec(ctx context.Context, x *execution) {
	exit, err := x.run.ExecWait(ctx, x.id)
	if err != nil {
		exit.Code = 137
	}
	x.finish(exit.Code)
	e.emitExec(x, events.ActionExecDie, map[string]string{"exitCode": fmt.Sprint(exit.Code)})
	select {
	case <-time.After(execKept):
	case <-ctx.Done():
	}
	e.mu.Lock()
	delete(e.execs, x.id)
	e.mu.Unlock()
}

// ExecInspect tells how an exec stands.
func (e *Engine) ExecInspect(_ context.Context, id string) (container.ExecInspectResponse, error) {
	x, err := e.exec(id)
	if err != nil {
		return container.ExecInspectResponse{}, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return container.ExecInspectResponse{
		ID: x.id, ContainerID: x.container, Running: x.running, ExitCode: x.code, Pid: x.pid,
		OpenStdin: x.req.AttachStdin, OpenStdout: x.req.AttachStdout, OpenStderr: x.req.AttachStderr,
		ProcessConfig: &container.ExecProcessConfig{
			Tty: x.req.Tty, Entrypoint: x.req.Cmd[0], Arguments: x.req.Cmd[1:], Privileged: &x.req.Privileged, User: x.req.User,
		},
	}, nil
}

// ExecResize sets the size of an exec's terminal, in characters.
func (e *Engine) ExecResize(ctx context.Context, id string, rows, cols uint16) error {
	x, err := e.exec(id)
	if err != nil {
		return err
	}
	return x.run.Resize(ctx, x.id, rows, cols)
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

func (x *execution) finish(code int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.running, x.code = false, &code
	close(x.over)
}

// execRecorded is how long the end of an exec's output is held back until its
// exit code is known, which takes a fraction of a millisecond.
const execRecorded = 2 * time.Second

// execStream is an exec's stream. Clients ask for the exit code as soon as the
// output has ended: it ends when the code is known.
type execStream struct {
	Stream
	x *execution
}

// ReadFrame returns the next piece of output.
func (s *execStream) ReadFrame() (byte, []byte, error) {
	stream, payload, err := s.Stream.ReadFrame()
	if errors.Is(err, io.EOF) {
		select {
		case <-s.x.over:
		case <-time.After(execRecorded):
		}
	}
	return stream, payload, err
}

func (e *Engine) emitExec(x *execution, action events.Action, extra map[string]string) {
	c, err := e.find(x.container)
	if err != nil {
		return
	}
	if action == events.ActionExecCreate || action == events.ActionExecStart {
		action = events.Action(string(action) + ": " + strings.Join(x.req.Cmd, " "))
	}
	attributes := map[string]string{"execID": x.id}
	for k, v := range extra {
		attributes[k] = v
	}
	e.emit(c, action, attributes)
}
