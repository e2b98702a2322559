package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/unpack"
)

// upperLabel is where the overlay snapshotter tells a snapshot's directory (its option WithUpperdirLabel).
const upperLabel = "containerd.io/snapshot/overlay.upperdir"

// maxParallel is how many layers are unpacked at the same time: one writes while another waits for the disk.
const maxParallel = 4

// layer is one layer to unpack.
type layer struct {
	ocispec.Descriptor
	diffID digest.Digest
	chain  digest.Digest
	// key and dir are the snapshot that it is unpacked in, and result what was found; set by stage.
	key, dir string
	result   unpack.Result
}

// unpackAll makes sure that all layers, lowest first, are unpacked and committed. Layers do not depend on one another until
// they are stacked, so they are unpacked side by side.
func (x *session) unpackAll(ctx context.Context, layers []*layer, report *reporter) error {
	start, err := x.missing(ctx, layers)
	if err != nil || start == len(layers) {
		return err
	}
	// Two sessions that bring the same layers do not unpack both: the second waits, and then looks again.
	_, err, shared := x.s.chains.Do(string(layers[start].chain), func() (any, error) {
		return nil, x.unpackFrom(ctx, layers, start, report)
	})
	if shared {
		return x.unpackShared(ctx, layers, report)
	}
	return err
}

// unpackShared finishes what another session may have done for this one, or failed to do for reasons of its own.
func (x *session) unpackShared(ctx context.Context, layers []*layer, report *reporter) error {
	start, err := x.missing(ctx, layers)
	if err != nil || start == len(layers) {
		return err
	}
	return x.unpackFrom(ctx, layers, start, report)
}

// missing is the index of the first layer that is not unpacked. Those before it are protected.
func (x *session) missing(ctx context.Context, layers []*layer) (int, error) {
	chains := make([]string, len(layers))
	for i, l := range layers {
		chains[i] = l.chain.String()
	}
	if err := x.hold(ctx, kindSnapshot, chains...); err != nil {
		return 0, err
	}
	for i, l := range layers {
		if _, err := x.s.snaps.Stat(ctx, l.chain.String()); errdefs.IsNotFound(err) {
			return i, nil
		} else if err != nil {
			return 0, fmt.Errorf("look for layer %s: %w", l.diffID, err)
		}
	}
	return len(layers), nil
}

// unpackFrom unpacks layers[start:].
func (x *session) unpackFrom(ctx context.Context, layers []*layer, start int, report *reporter) error {
	budget := x.s.budget()
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(min(runtime.GOMAXPROCS(0), maxParallel))
	for _, l := range layers[start:] {
		group.Go(func() error { return hostile.In(x.stage(gctx, l, budget, report), "", short(l.diffID)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := start; i < len(layers); i++ {
		if err := x.stack(ctx, layers, i); err != nil {
			return hostile.In(err, "", short(layers[i].diffID))
		}
	}
	return nil
}

// stage unpacks one layer into a snapshot without a parent, unless that was done while it arrived, and compares it with what
// manifest and configuration say of it.
func (x *session) stage(ctx context.Context, l *layer, budget *unpack.Budget, report *reporter) error {
	linked, err := x.stageLinked(ctx, l)
	if err != nil {
		return err
	}
	if linked != nil {
		l.key, l.dir, l.result = linked.key, linked.dir, linked.result
		return nil
	}
	st, err := x.take(ctx, l.Digest)
	if err != nil {
		return err
	}
	if st != nil {
		err = budget.Add(st.result)
	} else {
		st, err = x.stageBlob(ctx, l, budget, report)
	}
	if err != nil {
		return err
	}
	if promised, _ := config.LayerCompression(l.MediaType); promised != string(st.compression) {
		return compressionMismatch(l.MediaType, promised, st.compression)
	}
	if st.compression == unpack.None {
		st.result.DiffID = l.Digest
	}
	if st.result.DiffID != l.diffID {
		return hostile.Refuse("diff-id-mismatch", string(l.diffID), "the configuration promises this layer and the archive has %s", st.result.DiffID)
	}
	l.key, l.dir, l.result = st.key, st.dir, st.result
	report.warn(short(l.diffID), l.result.Warnings)
	report.send(Event{ID: short(l.diffID), Status: "Unpacked", Current: l.Size, Total: l.Size})
	return nil
}

// compressionMismatch refuses a layer that is not what its media type says.
func compressionMismatch(mediaType, promised string, actual unpack.Compression) error {
	return hostile.Refuse("media-type-mismatch", mediaType, "the layer is announced with compression %s and has %s", promised, actual)
}

// stageBlob unpacks a layer from its blob.
func (x *session) stageBlob(ctx context.Context, l *layer, budget *unpack.Budget, report *reporter) (*staged, error) {
	st := &staged{}
	dir, err := x.prepare(ctx, st)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	blob, err := x.s.blobs.ReaderAt(ctx, l.Descriptor)
	if err != nil {
		return nil, fmt.Errorf("open layer %s: %w", short(l.diffID), err)
	}
	defer func() { _ = blob.Close() }()
	source := report.watch(short(l.diffID), "Unpacking", blob.Size(), io.NewSectionReader(blob, 0, blob.Size()))
	limits := x.s.opts.Limits
	plain, compression, err := unpack.Decompress(source, unpack.Ratio{Max: limits.Ratio, Free: limits.RatioFree})
	if err != nil {
		return nil, err
	}
	defer func() { _ = plain.Close() }()
	st.compression = compression
	st.result, err = unpack.Apply(ctx, dir, plain, x.unpackOptions(compression, budget))
	return st, err
}

// prepare makes and opens the directory that a layer is unpacked in: a snapshot without a parent.
func (x *session) prepare(ctx context.Context, st *staged) (*os.File, error) {
	st.key = uuid.NewString()
	if _, err := x.s.snaps.Prepare(ctx, st.key, ""); err != nil {
		return nil, fmt.Errorf("make a directory for a layer: %w", err)
	}
	var err error
	if st.dir, err = x.s.upper(ctx, st.key); err != nil {
		return nil, err
	}
	x.mu.Lock()
	x.dirs[st.key] = st.dir
	x.mu.Unlock()
	dir, err := os.Open(st.dir)
	if err != nil {
		return nil, fmt.Errorf("open the directory for a layer: %w", err)
	}
	return dir, nil
}

// stack puts layer i on those below it.
func (x *session) stack(ctx context.Context, layers []*layer, i int) error {
	l, parent := layers[i], ""
	if i > 0 {
		parent = layers[i-1].chain.String()
	}
	if len(l.result.Implied) > 0 && i > 0 {
		if err := x.inherit(ctx, l, parent); err != nil {
			return err
		}
	}
	// From here on the directory may be another image's too, whatever Commit answers.
	x.mu.Lock()
	delete(x.dirs, l.key)
	x.mu.Unlock()
	err := x.s.snaps.Commit(ctx, l.chain.String(), l.key, snapshots.WithParent(parent))
	if errdefs.IsAlreadyExists(err) {
		// Another session was faster; our copy goes with the lease.
		return nil
	}
	if err != nil {
		return fmt.Errorf("commit layer %s: %w", short(l.diffID), err)
	}
	return nil
}

// inherit gives directories that the layer does not list the attributes they have below.
func (x *session) inherit(ctx context.Context, l *layer, parent string) (err error) {
	paths, err := x.s.lower(ctx, parent)
	if err != nil {
		return err
	}
	dir, err := os.Open(l.dir)
	if err != nil {
		return fmt.Errorf("open layer %s: %w", short(l.diffID), err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	lowers, err := openAll(paths)
	defer closeAll(lowers)
	if err != nil {
		return err
	}
	return unpack.Inherit(ctx, dir, l.result.Implied, lowers)
}

// upper is the directory of a snapshot's own files.
func (s *Store) upper(ctx context.Context, key string) (string, error) {
	info, err := s.snaps.Stat(ctx, key)
	if err != nil {
		return "", fmt.Errorf("look up layer %s: %w", key, err)
	}
	if info.Labels[upperLabel] == "" {
		return "", fmt.Errorf("layer %s has no directory", key)
	}
	return info.Labels[upperLabel], nil
}

// lower is the directories of a committed chain, top first.
func (s *Store) lower(ctx context.Context, chain string) ([]string, error) {
	var dirs []string
	for chain != "" {
		info, err := s.snaps.Stat(ctx, chain)
		if err != nil {
			return nil, fmt.Errorf("look up layer chain %s: %w", chain, err)
		}
		dirs = append(dirs, info.Labels[upperLabel])
		chain = info.Parent
	}
	return dirs, nil
}

// short is the beginning of a digest as docker shows it.
func short(d digest.Digest) string {
	hex := d.Encoded()
	return hex[:min(len(hex), 12)]
}
