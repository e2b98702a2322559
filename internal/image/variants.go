package image

import (
	"context"
	"encoding/json"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/config"
)

// The annotations by which BuildKit ties an attestation to the manifest that it is about.
const (
	annotationKind  = "vnd.docker.reference.type"
	annotationAbout = "vnd.docker.reference.digest"
)

// Variant is one manifest of an image: of the index that its names point to, or the only one.
type Variant struct {
	Descriptor ocispec.Descriptor
	// Platform is what the image's configuration or the index says; zero for what is no image.
	Platform ocispec.Platform
	// Attests is the manifest that this one is an attestation about; empty when it is none.
	Attests digest.Digest
	// Available says that all of its content is on this node; Content is how many bytes of it are.
	Available bool
	Content   int64
}

// Variants lists what an image consists of. What the node has not fetched is listed too, as not available.
func (s *Store) Variants(ctx context.Context, img Image) ([]Variant, error) {
	ctx = s.context(ctx)
	manifests := []ocispec.Descriptor{img.Descriptor}
	if config.IsIndex(img.Descriptor.MediaType) {
		data, err := s.document(ctx, img.ID, s.opts.Limits.Document)
		if err != nil {
			return nil, err
		}
		idx, err := config.Index(img.Descriptor.MediaType, data, s.docLimits())
		if err != nil {
			return nil, err
		}
		manifests = idx.Manifests
	}
	out := make([]Variant, 0, len(manifests))
	for _, d := range manifests {
		v := Variant{Descriptor: d}
		switch {
		case d.Digest == img.Manifest:
			v.Platform = platforms.Normalize(img.Platform)
		case d.Annotations[annotationKind] == "attestation-manifest":
			v.Attests = digest.Digest(d.Annotations[annotationAbout])
		case d.Platform != nil:
			v.Platform = *d.Platform
		}
		v.Content, v.Available = s.present(ctx, d)
		out = append(out, v)
	}
	return out, nil
}

// present counts the bytes of a manifest and of what it names that are on this node.
func (s *Store) present(ctx context.Context, d ocispec.Descriptor) (total int64, all bool) {
	data, err := s.document(ctx, d.Digest, s.opts.Limits.Document)
	if err != nil {
		return 0, false
	}
	var m ocispec.Manifest
	if json.Unmarshal(data, &m) != nil { // it was read strictly when it came; here sizes are counted
		return int64(len(data)), false
	}
	total, all = int64(len(data)), true
	for _, part := range append(m.Layers, m.Config) {
		info, err := s.blobs.Info(ctx, part.Digest)
		if err != nil {
			all = false
			continue
		}
		total += info.Size
	}
	return total, all
}

// Fits reports whether an image is for a platform; what the platform leaves open does not matter.
func (img Image) Fits(want ocispec.Platform) bool {
	has := platforms.Normalize(img.Platform)
	open := want.Variant == ""
	want = platforms.Normalize(want)
	return (want.OS == "" || want.OS == has.OS) && (want.Architecture == "" || want.Architecture == has.Architecture) && (open || want.Variant == has.Variant)
}
