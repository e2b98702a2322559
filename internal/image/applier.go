package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/containerd/containerd/v2/core/diff"
	"github.com/containerd/containerd/v2/core/mount"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/unpack"
)

// errNamesElsewhere refuses a change of names through Shared.
var errNamesElsewhere = errors.New("names of images are given and taken by the image store")

// applier is the store's unpacker in the shape that containerd's libraries want. Layers that a build pulls, or finds in
// a cache that was imported, are as hostile as any other.
type applier struct{ s *Store }

// Apply unpacks a layer into an empty snapshot. The answer has the digest of the plain archive, for the caller to compare.
func (a applier) Apply(ctx context.Context, d ocispec.Descriptor, mounts []mount.Mount, _ ...diff.ApplyOpt) (ocispec.Descriptor, error) {
	upper, lowers, err := overlayDirs(mounts)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	dir, err := os.Open(upper)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("open the directory for a layer: %w", err)
	}
	defer func() { _ = dir.Close() }()
	blob, err := a.s.blobs.ReaderAt(a.s.context(ctx), d)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("open layer %s: %w", d.Digest, err)
	}
	defer func() { _ = blob.Close() }()
	limits := a.s.opts.Limits
	plain, compression, err := unpack.Decompress(io.NewSectionReader(blob, 0, blob.Size()), unpack.Ratio{Max: limits.Ratio, Free: limits.RatioFree})
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer func() { _ = plain.Close() }()
	if promised, ok := config.LayerCompression(d.MediaType); ok && promised != string(compression) {
		return ocispec.Descriptor{}, compressionMismatch(d.MediaType, promised, compression)
	}
	res, err := unpack.Apply(ctx, dir, plain, unpack.Options{
		KeepSetID: a.s.opts.KeepSetID, SkipDevices: a.s.opts.SkipDevices, LayerBytes: limits.LayerBytes, Budget: a.s.budget(),
	})
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	below, err := openAll(lowers)
	defer closeAll(below)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if err := unpack.Inherit(ctx, dir, res.Implied, below); err != nil {
		return ocispec.Descriptor{}, err
	}
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: res.DiffID, Size: res.Bytes}, nil
}

// overlayDirs are the directories of a snapshot: the one that is its own, and those below it, the topmost first.
func overlayDirs(mounts []mount.Mount) (upper string, lowers []string, err error) {
	if len(mounts) != 1 {
		return "", nil, fmt.Errorf("a snapshot of %d mounts", len(mounts))
	}
	if m := mounts[0]; m.Type == "bind" {
		return m.Source, nil, nil
	}
	for _, option := range mounts[0].Options {
		if dir, ok := strings.CutPrefix(option, "upperdir="); ok {
			upper = dir
		}
		if list, ok := strings.CutPrefix(option, "lowerdir="); ok {
			lowers = strings.Split(list, ":")
		}
	}
	if upper == "" {
		return "", nil, fmt.Errorf("a snapshot of type %s that cannot be written", mounts[0].Type)
	}
	return upper, lowers, nil
}

// openAll opens directories. What is open when it fails is returned too.
func openAll(paths []string) ([]*os.File, error) {
	var files []*os.File
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return files, fmt.Errorf("open the layers below: %w", err)
		}
		files = append(files, f)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
