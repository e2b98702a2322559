package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// start writes the specification of a step and says what is mounted for it.
func (s *step) start() (runtime.StartRequest, error) {
	paths := runtime.PathsIn(s.e.runDir(s.id))
	req := runtime.StartRequest{
		Rootfs: rootfs.Config{
			Lower: s.r.Lower, Upper: s.r.Upper, Work: s.r.Work, Target: paths.Rootfs, IDBase: s.idBase,
			AllowSetuid: s.posture.Root.Setuid,
			// A step that a crash of the machine cut short is run again, so nothing need wait for the disk.
			Volatile: true,
		},
	}
	sources := map[string]string{}
	for i, m := range s.r.Mounts {
		name := strconv.Itoa(i)
		switch {
		case m.Tmpfs:
		case m.File != nil:
			req.Secrets = append(req.Secrets, runtime.Secret{Name: name, Data: m.File, Mode: m.Mode, UID: s.idBase + m.UID, GID: s.idBase + m.GID})
			sources[m.Target] = filepath.Join(paths.Secrets, name)
		default:
			if err := s.lendSocket(m); err != nil {
				return req, err
			}
			req.Mounts = append(req.Mounts, s.mount(paths, name, m))
			sources[m.Target] = filepath.Join(paths.Mounts, name)
		}
	}
	binding := s.e.hostSide(s.id, s.idBase, s.slot.pair)
	binding.MountSources = sources
	if s.posture.Namespaces.Network == sandbox.NamespaceHost {
		binding.NetNSPath = ""
	}
	var err error
	if req.Spec, err = sandbox.Spec(s.posture, binding); err != nil {
		return req, fmt.Errorf("a build step: %w", err)
	}
	return req, nil
}

// mount is what the supervisor mounts: one directory as it is, several as one.
func (s *step) mount(paths runtime.Paths, name string, m StepMount) runtime.Mount {
	out := runtime.Mount{Sub: m.Sub, Target: filepath.Join(paths.Mounts, name), ReadOnly: m.ReadOnly}
	if len(m.Lower) == 1 && m.Upper == "" {
		out.Root = m.Lower[0]
		if !m.Socket {
			out.IDBase = s.idBase
		}
		return out
	}
	over := filepath.Join(paths.Mounts, name+".all")
	out.Root = over
	out.Over = rootfs.Config{Lower: m.Lower, Upper: m.Upper, Work: m.Work, Target: over, IDBase: s.idBase, ReadOnly: m.ReadOnly, Volatile: true}
	return out
}

// lendSocket gives a socket that was made for the step to the step's user.
func (s *step) lendSocket(m StepMount) error {
	if !m.Socket {
		return nil
	}
	return os.Lchown(filepath.Join(m.Lower[0], m.Sub), int(s.idBase+m.UID), int(s.idBase+m.GID))
}

// control passes on what reaches a running process: input, signals, the size of its terminal. stop ends that.
func (s *step) control(ctx context.Context, stream *runtime.Stream, exec string, in io.Reader, resize <-chan StepSize, signals <-chan syscall.Signal) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	if in != nil {
		go func() {
			_, _ = io.Copy(stream, in) // a process that takes no more says so by its end
			_ = stream.CloseWrite()
		}()
	}
	go func() {
		for {
			select {
			case size, ok := <-resize:
				if !ok {
					resize = nil
					continue
				}
				_ = s.rt.Resize(ctx, exec, size.Rows, size.Cols) // one that has ended has no size
			case sig, ok := <-signals:
				if !ok {
					signals = nil
					continue
				}
				if exec == "" {
					_ = s.rt.Signal(ctx, sig) // likewise
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return cancel
}

// copyOutput copies until the process has ended. A reader that is gone does not hold the process up.
func copyOutput(stream *runtime.Stream, stdout, stderr io.Writer) {
	for {
		from, payload, err := stream.ReadFrame()
		if err != nil {
			return
		}
		to := stdout
		if from == 2 {
			to = stderr
		}
		if to != nil {
			_, _ = to.Write(payload)
		}
	}
}

// ExecStep runs a further process in a step that is under way, as its own posture has it.
func (e *Engine) ExecStep(ctx context.Context, id string, r StepRequest) (StepExit, error) {
	e.mu.RLock()
	s := e.steps[id]
	e.mu.RUnlock()
	if s == nil || s.rt == nil {
		return StepExit{}, errors.New("the build step has ended")
	}
	process, err := sandbox.ExecProcess(s.posture, sandbox.ExecRequest{Args: r.Request.Args, Env: r.Request.Env, WorkingDir: r.Request.WorkingDir, Terminal: r.Request.Terminal})
	if err != nil {
		return StepExit{}, err
	}
	exec := newID()
	stream, err := s.rt.Attach(ctx, runtime.AttachRequest{ExecID: exec, Stdin: r.Stdin != nil, Stdout: true, Stderr: true})
	if err != nil {
		return StepExit{}, err
	}
	copied := make(chan struct{})
	go func() { defer close(copied); copyOutput(stream, r.Stdout, r.Stderr) }()
	defer func() { _ = stream.Close(); <-copied }()
	if _, err := s.rt.Exec(ctx, runtime.ExecRequest{ID: exec, Process: process, Terminal: r.Request.Terminal, OpenStdin: r.Stdin != nil}); err != nil {
		return StepExit{}, err
	}
	stop := s.control(ctx, stream, exec, r.Stdin, r.Resize, r.Signal)
	defer stop()
	end, err := s.rt.ExecWait(ctx, exec)
	if err != nil {
		return StepExit{}, err
	}
	<-copied
	return StepExit{Code: end.Code, OOM: end.OOM}, nil
}
