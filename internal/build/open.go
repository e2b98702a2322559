package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/plugins/diff/walking"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/cache/remotecache"
	"github.com/moby/buildkit/cache/remotecache/inline"
	"github.com/moby/buildkit/cache/remotecache/local"
	"github.com/moby/buildkit/cache/remotecache/registry"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/frontend/gateway"
	"github.com/moby/buildkit/frontend/gateway/forwarder"
	"github.com/moby/buildkit/session"
	snapshot "github.com/moby/buildkit/snapshot/containerd"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/source/http"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/version"
	bkworker "github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	bolt "go.etcd.io/bbolt"

	"github.com/bailey-run/bailey/internal/build/executor"
	"github.com/bailey-run/bailey/internal/build/gate"
	"github.com/bailey-run/bailey/internal/image"
)

// The databases.
const (
	solverDB  = "solver.db"
	refsDB    = "refs.db"
	historyDB = "history.db"
)

// opened is BuildKit, ready to build.
type opened struct {
	sessions   *session.Manager
	controller *control.Controller
	worker     *worker
	gate       *gate.Gate
	stop       context.CancelFunc
}

// nameVersion has BuildKit say which it is. As a library it does not know.
var nameVersion = sync.OnceFunc(func() {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/moby/buildkit" {
			version.Version = m.Version
		}
	}
})

// open opens BuildKit on the store's inside.
func (b *Builder) open(ctx context.Context) (o *opened, err error) {
	nameVersion()
	sessions, err := session.NewManager()
	if err != nil {
		return nil, err
	}
	var closers []func() error
	defer func() {
		if err == nil {
			return
		}
		for _, c := range closers {
			err = errors.Join(err, c())
		}
	}()
	refs, err := metadata.NewStore(filepath.Join(b.opts.Dir, refsDB))
	if err != nil {
		return nil, err
	}
	closers = append(closers, refs.Close)
	results, err := bboltcachestorage.NewStore(filepath.Join(b.opts.Dir, solverDB))
	if err != nil {
		return nil, err
	}
	closers = append(closers, results.Close)
	past, err := boltutil.Open(filepath.Join(b.opts.Dir, historyDB), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return nil, err
	}
	closers = append(closers, past.Close)

	w, err := b.newWorker(ctx, refs)
	if err != nil {
		return nil, err
	}
	workers := &bkworker.Controller{}
	if err := workers.Add(w); err != nil {
		return nil, err
	}
	o = &opened{sessions: sessions, worker: w}
	o.gate = gate.New(b.opts.Policy)
	builtIn := forwarder.NewGatewayForwarder(workers.Infos(), bounded)
	images, err := gateway.NewGatewayFrontend(workers.Infos(), nil)
	if err != nil {
		return nil, err
	}
	alive, stop := context.WithCancel(context.Background())
	o.stop = stop
	o.controller, err = control.NewController(control.Opt{
		SessionManager:   sessions,
		WorkerController: workers,
		Frontends:        map[string]frontend.Frontend{"dockerfile.v0": builtIn, "gateway.v0": o.gate.Frontend(builtIn, images)},
		ResolveCacheExporterFuncs: map[string]remotecache.ResolveCacheExporterFunc{
			"registry": registry.ResolveCacheExporterFunc(sessions, w.RegistryHosts),
			"local":    local.ResolveCacheExporterFunc(sessions),
			"inline":   inline.ResolveCacheExporterFunc(),
		},
		ResolveCacheImporterFuncs: map[string]remotecache.ResolveCacheImporterFunc{
			"registry": registry.ResolveCacheImporterFunc(sessions, w.ContentStore(), w.RegistryHosts),
			"local":    local.ResolveCacheImporterFunc(sessions),
		},
		CacheManager:   solver.NewCacheManager(ctx, "local", results, bkworker.NewCacheResultStorage(workers)),
		Entitlements:   []string{"network.host"}, // what a build really gets is the gate's to say
		HistoryDB:      past,
		CacheStore:     results,
		LeaseManager:   w.LeaseManager(),
		ContentStore:   w.ContentStore(),
		GarbageCollect: w.GarbageCollect,
		GracefulStop:   alive.Done(),
	})
	if err != nil {
		stop()
		return nil, err
	}
	return o, nil
}

// newWorker is BuildKit's idea of this node.
func (b *Builder) newWorker(ctx context.Context, refs *metadata.Store) (*worker, error) {
	store := b.opts.Images.Share()
	content := snapshot.NewContentStore(store.Content, store.Namespace)
	steps := executor.New(b.opts.Steps)
	opt := base.WorkerOpt{
		ID: "bailey", Root: b.opts.Dir,
		Labels:          map[string]string{"org.mobyproject.buildkit.worker.executor": "bailey", "org.mobyproject.buildkit.worker.snapshotter": store.Snapshotter},
		Platforms:       []ocispec.Platform{platforms.Normalize(platforms.DefaultSpec())},
		GCPolicy:        gcPolicy(b.opts.Dir),
		BuildkitVersion: client.BuildkitVersion{Package: "github.com/bailey-run/bailey", Version: b.opts.Version},
		Executor:        steps,
		Snapshotter:     snapshot.NewSnapshotter(store.Snapshotter, verified{store.Snapshots}, store.Namespace, nil),
		ContentStore:    content,
		Applier:         store.Applier,
		Differ:          walking.NewWalkingDiff(content),
		ImageStore:      store.Images,
		RegistryHosts:   store.Hosts,
		LeaseManager:    leaseutil.WithNamespace(verifiedLeases{store.Leases, store.Snapshotter}, store.Namespace),
		GarbageCollect:  store.Collect,
		MetadataStore:   refs,
		MountPoolRoot:   filepath.Join(b.opts.Dir, "tmp", "pool"),
	}
	inner, err := base.NewWorker(ctx, opt)
	if err != nil {
		return nil, err
	}
	fetch, err := http.NewSource(http.Opt{CacheAccessor: inner.CacheMgr, Transport: newFetcher()})
	if err != nil {
		return nil, err
	}
	inner.SourceManager.Register(fetch) // in the place of the worker's own
	inner.HTTPSource = fetch
	return &worker{Worker: inner, steps: steps, images: b.opts.Images}, nil
}

// close ends BuildKit. Builds that are under way end first.
func (o *opened) close() error {
	o.stop()
	return o.controller.Close()
}

// temporary makes everything that BuildKit mounts or writes for a moment lie in one place, where New finds what a
// process that was killed has left. BuildKit and containerd know no other way to say so than the process's own.
func (b *Builder) temporary() error {
	dir := filepath.Join(b.opts.Dir, "tmp")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return err
	}
	mount.SetTempMountLocation(dir)
	return nil
}

var _ Images = (*image.Store)(nil)

// wrap says where an error of the opening is from.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("open the build cache: %w", err)
}
