package image

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/refs"
	"github.com/bailey-run/bailey/internal/image/registry"
)

// Distributed is what a registry has under a name.
type Distributed struct {
	// Target is what the name points to: a manifest, or an index of them.
	Target ocispec.Descriptor
	// Platforms are those that there is an image for.
	Platforms []ocispec.Platform
}

// Distribution asks a registry what it has under a name. Nothing is kept: documents are fetched into memory, and compared with
// their digests.
func (s *Store) Distribution(ctx context.Context, ref string, opts PullOptions) (Distributed, error) {
	name, err := refs.Parse(ref)
	if err != nil {
		return Distributed{}, err
	}
	repo, err := s.registry.Open(name, opts.Auth)
	if err != nil {
		return Distributed{}, err
	}
	defer repo.Close()
	target, err := repo.Resolve(ctx)
	if err != nil {
		return Distributed{}, err
	}
	if d := name.Digest(); d != "" && target.Digest != d {
		return Distributed{}, hostile.Refuse("digest-mismatch", string(d), "the registry answers with %s", target.Digest)
	}
	out := Distributed{Target: ocispec.Descriptor{MediaType: target.MediaType, Digest: target.Digest, Size: target.Size}}
	fetch := remote{repo, s.opts.Limits.Document}
	data, err := fetch.document(ctx, out.Target)
	if err != nil {
		return Distributed{}, hostile.In(err, name.Familiar(), "")
	}
	if config.IsIndex(target.MediaType) {
		idx, err := config.Index(target.MediaType, data, s.docLimits())
		if err != nil {
			return Distributed{}, hostile.In(err, name.Familiar(), "")
		}
		for _, m := range idx.Manifests {
			if m.Platform != nil && m.Platform.OS != "unknown" { // attestations have that
				out.Platforms = append(out.Platforms, *m.Platform)
			}
		}
		return out, nil
	}
	manifest, err := config.Manifest(target.MediaType, data, s.docLimits())
	if err != nil {
		return Distributed{}, hostile.In(err, name.Familiar(), "")
	}
	if data, err = fetch.document(ctx, manifest.Config); err != nil {
		return Distributed{}, hostile.In(err, name.Familiar(), "")
	}
	cfg, err := config.Image(data, ocispec.Platform{})
	if err != nil {
		return Distributed{}, hostile.In(err, name.Familiar(), "")
	}
	out.Platforms = []ocispec.Platform{cfg.Platform}
	return out, nil
}

// remote reads documents of a registry.
type remote struct {
	repo  *registry.Repository
	limit int64 // bytes of one document
}

func (r remote) document(ctx context.Context, d ocispec.Descriptor) (data []byte, err error) {
	if d.Size > r.limit {
		return nil, hostile.Refuse("document-too-large", string(d.Digest), "the registry announces %d bytes, at most %d are allowed", d.Size, r.limit)
	}
	body, err := r.repo.Fetch(ctx, d)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, io.LimitReader(body, r.limit+1)); err != nil {
		return nil, err
	}
	if got := digest.FromBytes(buf.Bytes()); got != d.Digest {
		return nil, hostile.Refuse("digest-mismatch", string(d.Digest), "the content has the digest %s", got)
	}
	return buf.Bytes(), nil
}
