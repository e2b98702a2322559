package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bailey-run/bailey/internal/durable"
	"github.com/bailey-run/bailey/internal/engine/event"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/engine/volume"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/runtime/apparmor"
	"github.com/bailey-run/bailey/internal/runtime/idrange"
	"github.com/bailey-run/bailey/internal/runtime/quota"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// Options is what an engine is made of.
type Options struct {
	// Dir keeps state that outlives a reboot; RunDir what need not. Both are absolute.
	Dir, RunDir string
	// Node names this node on its machine; it is part of cgroup and interface names.
	Node     string
	Images   Images
	Networks Networks
	Secrets  Secrets
	Runtime  *runtime.Runtime
	Policy   sandbox.Policy
	Facts    sandbox.HostFacts
	// Version is what the node says it is.
	Version string
	Log     *slog.Logger
}

// Engine owns the containers of one node. It is safe for concurrent use.
type Engine struct {
	opts     Options
	log      *slog.Logger
	store    *store.Store
	volumes  *volume.Manager
	disk     *quota.FileSystem
	watcher  *diskWatch
	events   *event.Bus
	ids      *idrange.Claims
	slots    *slots
	profiles apparmor.Loader
	policy   atomic.Pointer[sandbox.Policy]
	broken   atomic.Pointer[[]string] // controls; see SetBroken
	started  time.Time
	damaged  map[string]bool // ids of containers whose records cannot be read
	rebooted bool            // since an earlier daemon of this node ran

	// ctx ends when the engine closes; background work hangs on it.
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	ready  chan struct{} // closed when Open has adopted everything

	externals sync.Mutex // held while a container is created under an id of the caller's
	filling   sync.Mutex // held while a volume is filled from an image

	mu         sync.RWMutex
	containers map[string]*cont
	names      map[string]string // name → id
	execs      map[string]*execution
	steps      map[string]*step // of builds, under way
}

// Open loads the node's state, takes back what is running, and clears away
// what nobody owns. It returns how many containers were adopted.
func Open(ctx context.Context, opts Options) (*Engine, error) {
	for _, dir := range []string{opts.Dir, opts.RunDir} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return nil, fmt.Errorf("engine: %w", err)
		}
	}
	if err := durable.Private(filepath.Join(opts.Dir, "containers")); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	opts.Facts.OwnPaths = append(opts.Facts.OwnPaths, opts.Dir, opts.RunDir)
	disk, err := quota.Open(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	opts.Facts.Disk = sandbox.DiskFacts{Bytes: disk.Bytes, Inodes: disk.Inodes, Hard: disk.Hard, Why: disk.Why}
	st, err := store.Open(filepath.Join(opts.Dir, "state.db"))
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	e := &Engine{
		opts: opts, log: opts.Log, store: st, events: event.New(), started: time.Now(), damaged: make(map[string]bool), disk: disk, watcher: newDiskWatch(disk),
		containers: make(map[string]*cont), names: make(map[string]string), execs: make(map[string]*execution), steps: make(map[string]*step), ready: make(chan struct{}),
	}
	e.policy.Store(&opts.Policy)
	e.ctx, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := e.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("engine: %w", err), e.Close())
	}
	return e, nil
}

// load brings the recorded state into memory and reconciles it with the kernel.
func (e *Engine) load(ctx context.Context) (err error) {
	if e.volumes, err = volume.Open(filepath.Join(e.opts.Dir, "volumes"), e.disk, e.store); err != nil {
		return err
	}
	if e.ids, err = idrange.Open("", e.opts.Dir); err != nil {
		return err
	}
	boot := runtime.BootID()
	before, err := e.store.SwapBoot(boot)
	if err != nil {
		return err
	}
	e.rebooted = before != "" && before != boot
	records, err := e.store.Containers()
	if err != nil {
		return err
	}
	for _, d := range e.store.Damaged() {
		e.log.Error("a record of the state file cannot be read; it is kept there, and so are its files", "bucket", d.Bucket, "key", d.Key, "error", d.Err)
		if d.Bucket == store.ContainerBucket {
			e.damaged[d.Key] = true
		}
	}
	for i := range records {
		c := newCont(&records[i])
		e.containers[c.rec.ID] = c
		e.names[c.rec.Name] = c.rec.ID
	}
	if err := e.adopt(ctx); err != nil {
		return err
	}
	e.slots = newSlots(e)
	close(e.ready)
	e.background(e.watchDisk)
	return nil
}

// Close ends the engine's own work. Containers go on: their supervisors hold them.
func (e *Engine) Close() error {
	e.cancel()
	if e.slots != nil {
		e.slots.close()
	}
	e.work.Wait()
	return e.store.Close()
}

// SetPolicy replaces the policy; it decides about what is created from now on.
func (e *Engine) SetPolicy(p sandbox.Policy) { e.policy.Store(&p) }

// Policy is the policy in force.
func (e *Engine) Policy() sandbox.Policy { return *e.policy.Load() }

// Running returns how many containers run now.
func (e *Engine) Running() int {
	n := 0
	for _, c := range e.all() {
		if c.status() == store.Running || c.status() == store.Paused {
			n++
		}
	}
	return n
}

// background runs f until it is done or the engine closes.
func (e *Engine) background(f func(context.Context)) {
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		f(e.ctx)
	}()
}

func (e *Engine) containerDir(id string) string {
	return filepath.Join(e.opts.Dir, "containers", id)
}

func (e *Engine) runDir(id string) string {
	return filepath.Join(e.opts.RunDir, id)
}
