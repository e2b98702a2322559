package build

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"

	"github.com/bailey-run/bailey/internal/build/executor"
	"github.com/bailey-run/bailey/internal/build/export"
	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// Images is the store that the builder shares.
type Images interface {
	export.Images
	Share() image.Shared
	// DropOwned gives up what the builder holds, when it has forgotten what that is.
	DropOwned(ctx context.Context) error
}

// Options is what a builder is made of. All but Log are required.
type Options struct {
	// Dir is where the databases are, absolute; it is made at the first build.
	Dir    string
	Images Images
	Steps  executor.Steps
	// Policy is asked at each build.
	Policy func() sandbox.Policy
	// Version is what the node says it is.
	Version string
	Log     *slog.Logger
}

// Builder builds images for one node. It is safe for concurrent use.
type Builder struct {
	opts Options
	log  *slog.Logger

	mu     sync.Mutex
	kit    *opened // nil until the first build
	closed bool

	builds builds
}

// errClosed is the answer when the node stops.
var errClosed = errors.New("the node is stopping")

// New makes a builder and clears away what one that was killed has left. It opens nothing.
func New(o Options) (*Builder, error) {
	b := &Builder{opts: o, log: o.Log, builds: builds{running: map[string]context.CancelFunc{}}}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	return b, b.sweep()
}

// buildkit is BuildKit, opened at the first call.
func (b *Builder) buildkit(ctx context.Context) (*opened, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed
	}
	if b.kit != nil {
		return b.kit, nil
	}
	if err := os.MkdirAll(b.opts.Dir, 0o711); err != nil {
		return nil, wrap(err)
	}
	if err := b.temporary(); err != nil {
		return nil, wrap(err)
	}
	kit, err := b.openSound(context.WithoutCancel(ctx))
	if err != nil {
		return nil, wrap(err)
	}
	b.kit = kit
	return kit, nil
}

// Close ends builds and closes the databases.
func (b *Builder) Close() error {
	b.builds.cancelAll()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.kit == nil {
		return nil
	}
	b.builds.wait()
	err := b.kit.close()
	b.kit = nil
	return errors.Join(err, b.markClean())
}

// builds are those under way.
type builds struct {
	mu      sync.Mutex
	running map[string]context.CancelFunc
	stopped bool
	all     sync.WaitGroup
}

// begin notes a build, or a connection over which builds are asked for. end must follow. id may be empty.
func (b *builds) begin(ctx context.Context, id string) (_ context.Context, end func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return nil, nil, errClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	key := id
	if key == "" {
		key = newKey()
	}
	if _, ok := b.running[key]; ok {
		cancel()
		return nil, nil, errors.New("a build with this id is under way")
	}
	b.running[key] = cancel
	b.all.Add(1)
	return ctx, func() {
		cancel()
		b.mu.Lock()
		delete(b.running, key)
		b.mu.Unlock()
		b.all.Done()
	}, nil
}

func (b *builds) cancel(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	cancel, ok := b.running[id]
	if ok {
		cancel()
	}
	return ok
}

func (b *builds) cancelAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	for _, cancel := range b.running {
		cancel()
	}
}

func (b *builds) wait() { b.all.Wait() }
