package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"

	bkexec "github.com/moby/buildkit/executor"
	resources "github.com/moby/buildkit/executor/resources/types"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// Steps runs commands of a build.
type Steps interface {
	RunStep(ctx context.Context, r engine.StepRequest) (engine.StepExit, error)
	ExecStep(ctx context.Context, id string, r engine.StepRequest) (engine.StepExit, error)
}

// Executor is an executor for builds that were granted the same.
type Executor struct {
	steps  Steps
	grants []sandbox.Relaxation
	shared *shared
}

// shared is what executors of one node have in common.
type shared struct {
	mu      sync.Mutex
	running map[string]string // BuildKit's name of a container -> the engine's id
	writers map[string]chan struct{}
}

// New makes an executor whose steps have no network.
func New(steps Steps) *Executor {
	return &Executor{steps: steps, shared: &shared{running: map[string]string{}, writers: map[string]chan struct{}{}}}
}

// With makes one whose steps may have what the grants name.
func (e *Executor) With(grants ...sandbox.Relaxation) *Executor {
	return &Executor{steps: e.steps, grants: grants, shared: e.shared}
}

var _ bkexec.Executor = (*Executor)(nil)

// Run runs a step to its end.
func (e *Executor) Run(ctx context.Context, id string, root bkexec.Mount, mounts []bkexec.Mount, process bkexec.ProcessInfo, started chan<- struct{}) (_ resources.Recorder, err error) {
	begun := sync.OnceFunc(func() {
		if started != nil {
			close(started)
		}
	})
	defer begun() // whoever waits for the start is not to wait for ever
	req, network, err := e.request(process)
	if err != nil {
		return nil, err
	}
	out := &listener{}
	req.Stdout, req.Stderr = out.hear(req.Stdout), out.hear(req.Stderr)
	m := &mounter{}
	defer func() { err = errors.Join(err, m.release()) }()
	if err := m.root(ctx, root, &req); err != nil {
		return nil, fmt.Errorf("the files of the step: %w", err)
	}
	for _, mount := range mounts {
		if err := m.add(ctx, mount, &req); err != nil {
			return nil, fmt.Errorf("mount %s: %w", mount.Dest, err)
		}
	}
	unlock, err := e.shared.lock(ctx, m.writes)
	if err != nil {
		return nil, err
	}
	defer unlock()
	req.Started = func(step string) {
		e.shared.note(id, step)
		begun()
	}
	defer e.shared.note(id, "")
	exit, err := e.steps.RunStep(ctx, req)
	if err != nil {
		return nil, err
	}
	return nil, outcome(exit, process.Meta.ValidExitCodes, !network && out.missed())
}

// Exec runs a further process in a container that Run has started.
func (e *Executor) Exec(ctx context.Context, id string, process bkexec.ProcessInfo) error {
	e.shared.mu.Lock()
	step := e.shared.running[id]
	e.shared.mu.Unlock()
	if step == "" {
		return fmt.Errorf("container %s does not run", id)
	}
	req, _, err := e.request(process)
	if err != nil {
		return err
	}
	exit, err := e.steps.ExecStep(ctx, step, req)
	if err != nil {
		return err
	}
	return outcome(exit, process.Meta.ValidExitCodes, false)
}

// request is what does not depend on mounts. network says that the step has the network that it asks for.
func (e *Executor) request(p bkexec.ProcessInfo) (req engine.StepRequest, network bool, err error) {
	meta := p.Meta
	if meta.SecurityMode == pb.SecurityMode_INSECURE {
		return req, false, errors.New("RUN --security=insecure is refused: it would give the step the host")
	}
	if len(meta.CDIDevices) > 0 {
		return req, false, errors.New("RUN --device is refused: builds have no devices")
	}
	want, network := e.network(meta.NetMode)
	req = engine.StepRequest{
		Request: sandbox.StepRequest{
			Hostname: meta.Hostname, Args: meta.Args, Env: meta.Env, WorkingDir: meta.Cwd, Terminal: meta.Tty,
			ReadOnlyRoot: meta.ReadonlyRootFS, Network: want, Grants: e.grants,
		},
		User: meta.User, Stdout: writer(p.Stdout), Stderr: writer(p.Stderr), Signal: p.Signal, Resize: sizes(p.Resize),
	}
	if p.Stdin != nil {
		req.Stdin = p.Stdin
	}
	if req.Request.Hostname == "" {
		req.Request.Hostname = "buildkitsandbox" // as elsewhere, so that what is built does not differ
	}
	for _, u := range meta.Ulimit {
		req.Request.Ulimits = append(req.Request.Ulimits, sandbox.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	for _, h := range meta.ExtraHosts {
		if strings.ContainsAny(h.Host, "\n\r") {
			return req, false, fmt.Errorf("extra host %q: a name has no line breaks", h.Host)
		}
		req.ExtraHosts = append(req.ExtraHosts, h.IP.String()+"\t"+h.Host)
	}
	return req, network, nil
}

// network is the sandbox's name of a network mode, as far as the grants go.
func (e *Executor) network(mode pb.NetMode) (want string, granted bool) {
	switch mode {
	case pb.NetMode_NONE:
		return "none", true
	case pb.NetMode_HOST:
		return sandbox.NamespaceHost, true // the sandbox looks for the grant, and fails without it
	}
	outbound := slices.ContainsFunc(e.grants, func(g sandbox.Relaxation) bool {
		return g.Rule == sandbox.RuleBuildNetwork && g.Value == sandbox.BuildOutbound
	})
	if outbound {
		return sandbox.DefaultNetwork, true
	}
	return "none", false
}

// outcome is the error for an exit code that was not expected. missed says that the step looked for a network in vain.
func outcome(exit engine.StepExit, valid []int, missed bool) error {
	if exit.Code == 0 && len(valid) == 0 || slices.Contains(valid, exit.Code) {
		return nil
	}
	err := &gatewaypb.ExitError{ExitCode: uint32(exit.Code)}
	switch {
	case exit.OOM:
		err.Err = fmt.Errorf("exit code: %d: it used up the memory that a build step may have and was ended", exit.Code)
	case missed:
		err.Err = fmt.Errorf("exit code: %d: %w", exit.Code, ErrNoNetwork)
	}
	return err
}

// ErrNoNetwork is the cause of the error of a failed step that ran without a network because nobody had allowed it one.
var ErrNoNetwork = errors.New("it ran without a network")

// note remembers, or with an empty step forgets, what a container is called.
func (s *shared) note(id, step string) {
	if id == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if step == "" {
		delete(s.running, id)
	} else {
		s.running[id] = step
	}
}

// lock waits until nobody else writes through an overlay of the same directories: the kernel leaves undefined what two
// of them show.
func (s *shared) lock(ctx context.Context, dirs []string) (unlock func(), err error) {
	var held []chan struct{}
	unlock = func() {
		for _, gate := range held {
			<-gate
		}
	}
	slices.Sort(dirs) // in one order, so that two steps never wait for each other
	for _, dir := range slices.Compact(dirs) {
		s.mu.Lock()
		gate := s.writers[dir]
		if gate == nil {
			gate = make(chan struct{}, 1)
			s.writers[dir] = gate
		}
		s.mu.Unlock()
		select {
		case gate <- struct{}{}:
			held = append(held, gate)
		case <-ctx.Done():
			unlock()
			return nil, context.Cause(ctx)
		}
	}
	return unlock, nil
}

// writer is a nil interface for a missing stream.
func writer(w io.WriteCloser) io.Writer {
	if w == nil {
		return nil
	}
	return w
}

// sizes translates the sizes of a terminal.
func sizes(from <-chan bkexec.WinSize) <-chan engine.StepSize {
	if from == nil {
		return nil
	}
	to := make(chan engine.StepSize)
	go func() {
		defer close(to)
		for s := range from {
			to <- engine.StepSize{Rows: uint16(s.Rows), Cols: uint16(s.Cols)}
		}
	}()
	return to
}

var _ <-chan syscall.Signal = engine.StepRequest{}.Signal
