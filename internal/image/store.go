package image

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/containerd/log"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sync/singleflight"

	"github.com/bailey-run/bailey/internal/image/registry"
)

// namespace is the one containerd namespace of the store, and snapshotter the name of its one snapshotter.
const (
	namespace   = "bailey"
	snapshotter = "overlayfs"
)

// maxRoot is how long the path of the store may be, in bytes: paths in layers come behind it.
const maxRoot = 512

// lockWait is how long Open waits for another process to let go of the databases.
const lockWait = 2 * time.Second

// Store holds the images of one node. Its methods may be called at the same time.
type Store struct {
	opts     Options
	log      *slog.Logger
	bolt     *bolt.DB
	db       *metadata.DB
	blobs    content.Store
	snaps    snapshots.Snapshotter
	backend  snapshots.Snapshotter
	images   images.Store
	leases   leases.Manager
	registry *registry.Client
	// streamFrom is the size from which a layer is unpacked while it arrives, in bytes.
	streamFrom int64

	// edits is held while names change on disk; mu guards the index of names, which mirrors the image table of the database
	// and is replaced, never changed.
	edits sync.Mutex
	mu    sync.RWMutex
	names map[string]images.Image

	records sync.Map // digest.Digest of a target -> *record
	roots   sync.Map // digest.Digest of a manifest -> Rootfs
	// rootsMu is held while roots changes, so that no directories are remembered that were just removed.
	rootsMu sync.Mutex
	chains  singleflight.Group
	work    sync.WaitGroup // collections in the background
}

// Open opens or makes the store below Options.Root, and removes what an earlier process left half done.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.Root, 0o700); err != nil {
		return nil, fmt.Errorf("make the image store: %w", err)
	}
	// Nobody but root looks inside: layers hold whatever an image brought (CVE-2021-41091, CVE-2021-41103). Containers reach
	// layers through mounts only, which need no path.
	if err := os.Chmod(opts.Root, 0o700); err != nil {
		return nil, fmt.Errorf("close the image store to others: %w", err)
	}
	s := &Store{opts: opts, log: opts.Log, names: map[string]images.Image{}, streamFrom: 256 << 10}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.recover(s.context(ctx)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// complete checks the options and fills in what was left out.
func (o *Options) complete() error {
	if len(o.Root) > maxRoot || !filepath.IsAbs(o.Root) || filepath.Clean(o.Root) != o.Root || strings.ContainsAny(o.Root, ":,\\") {
		return fmt.Errorf("the image store cannot be at %q: overlay mounts need a clean absolute path of at most %d bytes without ':', ',' and '\\'; give another --dir", o.Root, maxRoot)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.InUse == nil {
		o.InUse = func(digest.Digest) []string { return nil }
	}
	if o.Platform.OS == "" {
		o.Platform = platforms.DefaultSpec()
	}
	o.Limits.complete()
	return nil
}

// open opens the databases and stores.
func (s *Store) open() error {
	db, err := bolt.Open(filepath.Join(s.opts.Root, "meta.db"), 0o600, &bolt.Options{Timeout: lockWait})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return fmt.Errorf("the image store %s is in use by another process: is a node already running with this --dir?", s.opts.Root)
	}
	if err != nil {
		return fmt.Errorf("open the image database: %w", err)
	}
	s.bolt = db
	blobs, err := openContent(filepath.Join(s.opts.Root, "content"))
	if err != nil {
		return fmt.Errorf("open the content store: %w", err)
	}
	s.backend, err = overlay.NewSnapshotter(filepath.Join(s.opts.Root, "snapshots"), overlay.AsynchronousRemove, overlay.WithUpperdirLabel)
	if err != nil {
		return fmt.Errorf("open the layer store: %w", err)
	}
	s.db = metadata.NewDB(db, blobs, map[string]snapshots.Snapshotter{snapshotter: s.backend})
	if err := s.db.Init(context.Background()); err != nil {
		return fmt.Errorf("prepare the image database: %w", err)
	}
	s.blobs, s.snaps = s.db.ContentStore(), s.db.Snapshotter(snapshotter)
	s.images, s.leases = metadata.NewImageStore(s.db), metadata.NewLeaseManager(s.db)
	s.registry = registry.New(registry.Options{CertsDir: s.opts.CertsDir, Document: s.opts.Limits.Document})
	return nil
}

// openContent opens the store of blobs. Its directory of blobs is made here: until there is one, the collector stops before it
// comes to unfinished writes.
func openContent(root string) (content.Store, error) {
	if err := os.MkdirAll(filepath.Join(root, "blobs", "sha256"), 0o700); err != nil {
		return nil, err
	}
	// Every file system without fsverity gives a warning here, which is news to nobody. What the libraries warn of later (a
	// collection that failed) is seen.
	if err := log.SetLevel("error"); err != nil {
		return nil, err
	}
	blobs, err := local.NewStore(root)
	return blobs, errors.Join(err, log.SetLevel("warn"))
}

// recover gives up what a process that died was doing, and reads the names.
func (s *Store) recover(ctx context.Context) error {
	stale, err := s.leases.List(ctx)
	if err != nil {
		return fmt.Errorf("look for unfinished work: %w", err)
	}
	stale = slices.DeleteFunc(stale, func(l leases.Lease) bool { return l.Labels[ownerLabel] != "" })
	for _, lease := range stale {
		if err := s.leases.Delete(ctx, lease); err != nil {
			return fmt.Errorf("give up unfinished work: %w", err)
		}
	}
	if len(stale) > 0 {
		s.log.Warn("removing what an interrupted load or pull left behind", "count", len(stale))
		if err := s.collect(ctx); err != nil {
			return err
		}
	}
	return s.readNames(ctx)
}

// Close waits for collections that run in the background and closes the databases; the store may not be used afterwards.
func (s *Store) Close() error {
	s.work.Wait()
	var errs []error
	if s.backend != nil {
		errs = append(errs, s.backend.Close())
	}
	if s.bolt != nil {
		errs = append(errs, s.bolt.Close())
	}
	return errors.Join(errs...)
}

// context puts the namespace into ctx.
func (s *Store) context(ctx context.Context) context.Context {
	return namespaces.WithNamespace(ctx, namespace)
}

// collect removes everything that no name and no lease refers to, and forgets what was cached about it.
func (s *Store) collect(ctx context.Context) error {
	if _, err := s.db.GarbageCollect(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("remove what no image needs: %w", err)
	}
	s.forget()
	return nil
}

// forget drops the cached descriptions of images that have no name any more.
func (s *Store) forget() {
	s.rootsMu.Lock()
	defer s.rootsMu.Unlock()
	s.mu.RLock()
	defer s.mu.RUnlock()
	live, manifests := map[digest.Digest]bool{}, map[digest.Digest]bool{}
	for _, img := range s.names {
		live[img.Target.Digest] = true
	}
	s.records.Range(func(key, value any) bool {
		if !live[key.(digest.Digest)] {
			s.records.Delete(key)
		} else {
			manifests[value.(*record).img.Manifest] = true
		}
		return true
	})
	s.roots.Range(func(key, _ any) bool {
		if !manifests[key.(digest.Digest)] {
			s.roots.Delete(key)
		}
		return true
	})
}
