package image

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/archive"
	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/refs"
)

// Save writes images as one OCI layout that stock docker can load too (it has a manifest.json). An image asked for by name
// is saved with this name, one asked for by id without a name.
func (s *Store) Save(ctx context.Context, names []string, w io.Writer) error {
	if len(names) == 0 {
		return fmt.Errorf("there is no image to save: give at least one name: %w", errdefs.ErrInvalidArgument)
	}
	// The lease keeps the blobs while they are written, whatever is removed meanwhile.
	ctx, x, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer x.end(ctx)
	var images []archive.Saved
	byTarget := map[digest.Digest]int{}
	for _, ref := range s.everyTag(names) {
		target, name, err := s.resolve(ctx, ref)
		if err != nil {
			return err
		}
		i, had := byTarget[target.Digest]
		if !had {
			i = len(images)
			byTarget[target.Digest] = i
			held, err := x.holding(ctx, target)
			if err != nil {
				return fmt.Errorf("save %s: %w", ref, err)
			}
			images = append(images, held.Saved)
		}
		if parsed, err := refs.ParseTag(name); err == nil {
			images[i].Names = append(images[i].Names, parsed)
		}
	}
	return archive.Write(w, images, func(d ocispec.Descriptor) (io.ReadCloser, error) { return x.open(ctx, d) })
}

// everyTag puts in the place of a name without a tag all that the repository has here, as Docker does.
func (s *Store) everyTag(names []string) []string {
	var out []string
	for _, ref := range names {
		before := len(out)
		if asked, ok := refs.Repository(ref); ok {
			s.mu.RLock()
			for name := range s.names {
				if n, err := refs.Parse(name); err == nil && !isUnnamed(name) && n.Digest() == "" && n.Repository() == asked {
					out = append(out, name)
				}
			}
			s.mu.RUnlock()
			slices.Sort(out[before:])
		}
		if len(out) == before {
			out = append(out, ref)
		}
	}
	return out
}

// open reads a blob and stops when ctx is done.
func (x *session) open(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	blob, err := x.s.blobs.ReaderAt(ctx, d)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{bound(ctx, content.NewReader(blob)), blob}, nil
}

// holding is what this node has of a target.
type holding struct {
	archive.Saved
	// manifest is the one of the variant that Config and Layers belong to.
	manifest ocispec.Descriptor
	// complete says that nothing an index lists is missing.
	complete bool
}

// holding lists the blobs of a target that are on this node, and protects them.
func (x *session) holding(ctx context.Context, target ocispec.Descriptor) (*holding, error) {
	t, err := x.s.readTree(ctx, target, ocispec.Platform{}, x.Document)
	if err != nil {
		return nil, err
	}
	h := &holding{Saved: archive.Saved{Target: target}, manifest: t.manifest, complete: true}
	manifests := []ocispec.Descriptor{t.manifest}
	if t.index != nil {
		h.Blobs = append(h.Blobs, target)
		manifests = t.index.Manifests
	}
	for _, m := range manifests {
		blobs, err := x.manifestBlobs(ctx, m)
		if err != nil {
			return nil, err
		}
		if m.Digest == t.manifest.Digest && len(blobs) > 1 {
			h.Config, h.Layers = blobs[1], blobs[2:]
		}
		h.Blobs = append(h.Blobs, blobs...)
		h.complete = h.complete && len(blobs) > 0
	}
	if h.Config.Digest == "" {
		return nil, fmt.Errorf("blobs of image %s are missing on this node: remove it and fetch it again: %w", target.Digest, errdefs.ErrDataLoss)
	}
	return h, nil
}

// manifestBlobs lists a manifest, its configuration and its layers, and protects them. A variant of an index that is not
// completely on this node gives none.
func (x *session) manifestBlobs(ctx context.Context, m ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if ok, err := x.has(ctx, m); err != nil || !ok || !config.IsManifest(m.MediaType) {
		return nil, err
	}
	data, err := x.Document(ctx, m.Digest)
	if err != nil {
		return nil, err
	}
	manifest, err := config.Manifest(m.MediaType, data, x.s.docLimits())
	if err != nil { // no image: an attestation, for example
		if manifest, err = config.Attached(m.MediaType, data, x.s.docLimits()); err != nil {
			return nil, nil
		}
	}
	out := append([]ocispec.Descriptor{m, manifest.Config}, manifest.Layers...)
	if err := x.holdBlobs(ctx, out); err != nil {
		return nil, err
	}
	for _, d := range out {
		if ok, err := x.has(ctx, d); err != nil || !ok {
			return nil, err
		}
	}
	return out, nil
}
