package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/engine/space"
	"github.com/bailey-run/bailey/internal/network"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// StepRequest is one command of an image build. It runs like a container, in a sandbox of its own, but has no record,
// no name and no log: what is left of it is what it wrote to its snapshot.
type StepRequest struct {
	// Request is what the sandbox decides about. ID, Identity and HOME are filled in here, and mounts are those below.
	Request sandbox.StepRequest
	// User is the user as the build names it, looked up in the step's own files.
	User string
	// Lower are the layers below, the topmost first; Upper and Work take what the step writes.
	Lower       []string
	Upper, Work string
	Mounts      []StepMount
	// ExtraHosts are further lines of /etc/hosts: an address and a name each.
	ExtraHosts []string
	Stdin      io.Reader // nil: none
	Stdout     io.Writer
	Stderr     io.Writer
	// Resize and Signal reach the process; nil channels never do.
	Resize <-chan StepSize
	Signal <-chan syscall.Signal
	// Started is called when the process runs, with the id for ExecStep.
	Started func(id string)
}

// StepSize is the size of a terminal in characters.
type StepSize struct{ Rows, Cols uint16 }

// StepMount is one thing that a step sees beside its own files.
type StepMount struct {
	Target   string
	ReadOnly bool
	// Tmpfs is memory of SizeBytes.
	Tmpfs     bool
	SizeBytes int64
	// File is the content of a file that is kept in memory only; Mode and the ids, which are the container's, are its own.
	File     []byte
	IsFile   bool // the target is a file
	Mode     uint32
	UID, GID uint32
	// Lower are layers, the topmost first, and Upper and Work take what is written to them; Sub is a part of them.
	Lower       []string
	Upper, Work string
	Sub         string
	// Socket says that the target is a socket of the node's, which gets the ids of the container's user UID.
	Socket bool
}

// IsFileIn says whether a path leads to something that is no directory, in layers with the topmost first.
func IsFileIn(dirs []string, path string) (bool, error) {
	view, err := rootfs.OpenLayers(dirs)
	if err != nil {
		return false, err
	}
	defer view.Close()
	place, err := view.Resolve(path)
	if err == nil && !place.Exists {
		err = fmt.Errorf("%s does not exist", path)
	}
	return err == nil && !place.Dir, err
}

// StepExit is how a step's process ended.
type StepExit struct {
	Code int
	OOM  bool // for want of memory
}

// stepTeardown is how long clearing away after a step may take.
const stepTeardown = 30 * time.Second

// RunStep runs one command of a build to its end. When it returns, nothing of the step is left but what it wrote. When
// ctx ends, the step is killed.
func (e *Engine) RunStep(ctx context.Context, r StepRequest) (exit StepExit, err error) {
	s := &step{e: e, id: newID(), r: &r}
	e.mu.Lock()
	e.steps[s.id] = s
	e.mu.Unlock()
	defer func() {
		clearing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTeardown)
		defer cancel()
		err = errors.Join(err, s.clear(clearing))
		e.mu.Lock()
		delete(e.steps, s.id)
		e.mu.Unlock()
	}()
	if err := s.prepare(ctx); err != nil {
		return StepExit{}, fmt.Errorf("prepare a build step: %w", err)
	}
	return s.run(ctx)
}

// step is a RunStep under way.
type step struct {
	e       *Engine
	id      string
	r       *StepRequest
	home    string // what PrepareRequest.ContainerDir is
	slot    *slot
	wired   bool
	idBase  uint32
	att     network.Attachment
	rt      *runtime.Container
	posture sandbox.Posture
	stubs   []rootfs.Stub
	fault   atomic.Pointer[error]      // why the node itself ends it
	places  atomic.Pointer[[]writable] // nil until it starts
}

// prepare takes what the step needs of the kernel and decides its posture.
func (s *step) prepare(ctx context.Context) (err error) {
	if s.slot, err = s.e.slots.get(ctx); err != nil {
		return err
	}
	s.idBase = s.slot.pair.IDBase
	if err := s.wire(ctx); err != nil {
		return err
	}
	s.home = s.e.containerDir(s.id)
	if err := os.MkdirAll(s.home, 0o711); err != nil {
		return err
	}
	if len(s.r.Lower) == 0 { // a step on nothing: overlayfs wants something below
		empty := filepath.Join(s.home, "empty")
		if err := os.Mkdir(empty, 0o755); err != nil {
			return err
		}
		s.r.Lower = []string{empty}
	}
	if err := s.decide(); err != nil {
		return err
	}
	s.rt, err = s.e.opts.Runtime.Prepare(ctx, runtime.PrepareRequest{
		ID: s.id, RunDir: s.e.runDir(s.id), ContainerDir: s.home,
		Terminal: s.r.Request.Terminal, OpenStdin: s.r.Stdin != nil, StdinOnce: true,
		Log: runtime.LogOptions{Disabled: true}, Pair: s.slot.pair,
	})
	return err
}

// wire gives the step its network, or takes the prepared one away.
func (s *step) wire(ctx context.Context) (err error) {
	w := network.WireRequest{ContainerID: s.id, Name: "build-" + s.id[:12], Hostname: s.r.Request.Hostname, NetNS: s.slot.pair.NetNS, Segment: &s.slot.segment}
	if s.r.Request.Network != sandbox.DefaultNetwork {
		w.Networks = []network.Want{{Network: network.None}}
	}
	s.wired = true // however it ends, the segment is no longer the slot's
	s.att, err = s.e.opts.Networks.Wire(ctx, w)
	return err
}

// decide looks up the user and computes the posture. Mount points that are missing are noted, to be taken away again.
func (s *step) decide() error {
	view, err := rootfs.OpenLayers(append([]string{s.r.Upper}, s.r.Lower...))
	if err != nil {
		return err
	}
	defer view.Close()
	user, err := view.LookupUser(s.r.User, nil)
	if err != nil {
		return fmt.Errorf("user %q: %w", s.r.User, err)
	}
	req := s.r.Request
	req.ID, req.Identity = s.id, sandbox.Identity{UID: user.UID, GID: user.GID, Groups: user.Groups}
	req.Env = addMissing(req.Env, []string{"HOME=" + user.Home})
	s.r.Mounts = append(s.nameFiles(), s.r.Mounts...)
	for _, m := range s.r.Mounts {
		req.Mounts = append(req.Mounts, sandbox.StepMount{Target: m.Target, File: m.IsFile, ReadOnly: m.ReadOnly, Tmpfs: m.Tmpfs, SizeBytes: m.SizeBytes})
	}
	facts := s.e.facts()
	facts.Broken = s.e.Unready() // a step has no caller for whom the policy could accept them
	if s.posture, err = sandbox.ComputeStep(req, facts); err != nil {
		return err
	}
	var targets []string
	for _, p := range s.posture.MountPoints() {
		targets = append(targets, p.Path)
	}
	s.stubs, err = view.Stubs(targets)
	return err
}

// nameFiles are /etc/hosts and /etc/resolv.conf, mounted so that they are no part of the image.
func (s *step) nameFiles() []StepMount {
	hosts := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	if name := s.r.Request.Hostname; name != "" {
		hosts += "127.0.1.1\t" + name + "\n"
	}
	for _, line := range s.r.ExtraHosts {
		hosts += line + "\n"
	}
	resolv := "# no network\n"
	switch {
	case s.r.Request.Network == sandbox.NamespaceHost:
		if own, err := os.ReadFile("/etc/resolv.conf"); err == nil {
			resolv = string(own)
		}
	case s.att.DNS.IsValid():
		resolv = "nameserver " + s.att.DNS.String() + "\n"
	}
	file := func(target, text string) StepMount {
		return StepMount{Target: target, ReadOnly: true, IsFile: true, File: []byte(text), Mode: 0o644}
	}
	return []StepMount{file("/etc/hosts", hosts), file("/etc/resolv.conf", resolv)}
}

// run starts the process and stays until its end.
func (s *step) run(ctx context.Context) (StepExit, error) {
	stream, err := s.rt.Attach(ctx, runtime.AttachRequest{Stdin: s.r.Stdin != nil, Stdout: true, Stderr: true})
	if err != nil {
		return StepExit{}, err
	}
	copied := make(chan struct{})
	go func() { defer close(copied); copyOutput(stream, s.r.Stdout, s.r.Stderr) }()
	defer func() { _ = stream.Close(); <-copied }()
	req, err := s.start()
	if err != nil {
		return StepExit{}, err
	}
	if s.posture.AppArmor.Mode == sandbox.ModeDefault {
		name, text := s.posture.AppArmorProfile()
		if err := s.e.profiles.Load(ctx, name, text); err != nil {
			return StepExit{}, err
		}
	}
	places := s.listPlaces()
	s.places.Store(&places)
	if _, err := s.rt.Start(ctx, req); err != nil {
		return StepExit{}, s.explainStart(err)
	}
	_ = s.slot.pair.Close() // the step itself holds its namespaces now
	if s.r.Started != nil {
		s.r.Started(s.id)
	}
	stop := s.control(ctx, stream, "", s.r.Stdin, s.r.Resize, s.r.Signal)
	defer stop()
	end, err := s.rt.Wait(ctx)
	if err != nil {
		killing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTeardown)
		defer cancel()
		return StepExit{}, errors.Join(context.Cause(ctx), s.rt.Kill(killing))
	}
	<-copied // all that it wrote
	if fault := s.fault.Load(); fault != nil {
		return StepExit{}, *fault
	}
	return StepExit{Code: end.Code, OOM: end.OOM}, nil
}

// explainStart puts a program that does not exist in the words of a shell.
func (s *step) explainStart(err error) error {
	var refused *runtime.StartError
	if errors.As(err, &refused) && (refused.Code == 126 || refused.Code == 127) {
		return fmt.Errorf("%s: %w", strings.Join(s.r.Request.Args[:1], ""), refused)
	}
	return err
}

// clear gives back what the step held. It is what RunStep answers for: an image must not be made of a snapshot that
// something may still write to.
func (s *step) clear(ctx context.Context) error {
	var errs []error
	if s.rt != nil {
		errs = append(errs, s.rt.Delete(ctx))
	}
	if len(errs) == 0 || errs[0] == nil {
		errs = append(errs, rootfs.RemoveStubs(s.r.Upper, s.stubs))
	}
	if s.wired {
		errs = append(errs, s.e.opts.Networks.Release(ctx, s.id))
	}
	if s.slot != nil {
		_ = s.slot.pair.Close()
		errs = append(errs, s.e.ids.Release(s.idBase))
	}
	if s.home != "" {
		errs = append(errs, space.Remove(s.home))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clear away a build step: %w", err)
	}
	return nil
}
