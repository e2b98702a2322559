package image

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/refs"
	"github.com/bailey-run/bailey/internal/image/unpack"
)

// Built is an image whose blobs a build has put into the store through Share.
type Built struct {
	// Target is the manifest or the index.
	Target ocispec.Descriptor
	// Names are to be given to it; none leaves it unnamed.
	Names []string
	// Layers are directories that hold what the layers with these digests unpack to, where the build has them: the
	// files are then shared with them by hard links. Nobody may write to them.
	Layers map[digest.Digest]string
}

// Adopt makes an image of what a build has left in the store. It is checked like one that comes from a registry.
func (s *Store) Adopt(ctx context.Context, b Built) (Image, error) {
	var names []refs.Name
	for _, text := range b.Names {
		name, err := refs.ParseTag(text)
		if err != nil {
			return Image{}, err
		}
		names = append(names, name)
	}
	ctx, x, err := s.begin(ctx)
	if err != nil {
		return Image{}, err
	}
	defer x.end(ctx)
	x.built = b.Layers
	if err := x.hold(ctx, kindBlob, b.Target.Digest.String()); err != nil {
		return Image{}, err
	}
	want := s.opts.Platform
	if !s.holdsPlatform(ctx, b.Target, want) {
		want = ocispec.Platform{} // made for other machines: whatever is there
	}
	if _, err := x.admit(ctx, b.Target, want, &reporter{}); err != nil {
		return Image{}, hostile.In(err, "the image that was built", "")
	}
	if err := x.publish(ctx, []naming{{target: b.Target, names: names}}); err != nil {
		return Image{}, err
	}
	return s.describe(ctx, b.Target)
}

// holdsPlatform reports whether a target has a variant for a platform.
func (s *Store) holdsPlatform(ctx context.Context, target ocispec.Descriptor, want ocispec.Platform) bool {
	_, err := s.readTree(ctx, target, want, func(ctx context.Context, id digest.Digest) ([]byte, error) {
		return s.document(ctx, id, s.opts.Limits.Document)
	})
	return err == nil
}

// stageLinked takes the files of a layer from where the build unpacked it. Nil means that it has to be unpacked.
func (x *session) stageLinked(ctx context.Context, l *layer) (*staged, error) {
	source := x.built[l.Digest]
	if source == "" {
		return nil, nil
	}
	st := &staged{}
	dir, err := x.prepare(ctx, st)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	from, err := os.Open(source)
	if err != nil {
		return nil, fmt.Errorf("open layer %s as it was built: %w", short(l.diffID), err)
	}
	defer func() { _ = from.Close() }()
	st.result, err = unpack.Link(ctx, dir, from, x.unpackOptions(unpack.None, x.ahead))
	if errors.Is(err, unpack.ErrNotLinked) {
		return nil, nil
	}
	st.result.DiffID = l.diffID
	return st, err
}
