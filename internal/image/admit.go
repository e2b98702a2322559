package image

import (
	"context"
	"fmt"
	"strconv"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/hostile"
)

// Labels by which the collector of containerd follows references (core/metadata/gc.go).
const (
	refContent  = "containerd.io/gc.ref.content."
	refSnapshot = "containerd.io/gc.ref.snapshot." + snapshotter
)

// tree is a target with the documents that hang on it, all checked.
type tree struct {
	target   ocispec.Descriptor
	index    *ocispec.Index
	manifest ocispec.Descriptor
	layers   []*layer
	config   digest.Digest
	record   *record
}

// docLimits are the limits of documents.
func (s *Store) docLimits() config.Limits {
	return config.Limits{Layers: s.opts.Limits.Layers, Document: s.opts.Limits.Document, Blob: s.opts.Limits.LayerBytes, Image: s.opts.Limits.ImageBytes}
}

// source gives the bytes of a document by digest.
type source func(ctx context.Context, id digest.Digest) ([]byte, error)

// readTree reads and checks everything below a target for one platform; a zero platform takes what is there.
func (s *Store) readTree(ctx context.Context, target ocispec.Descriptor, want ocispec.Platform, read source) (*tree, error) {
	t := &tree{target: target, manifest: target}
	data, err := read(ctx, target.Digest)
	if err != nil {
		return nil, err
	}
	if config.IsIndex(target.MediaType) {
		idx, err := config.Index(target.MediaType, data, s.docLimits())
		if err != nil {
			return nil, err
		}
		t.index = &idx
		if t.manifest, data, err = s.chooseManifest(ctx, idx, want, read); err != nil {
			return nil, err
		}
	}
	manifest, err := config.Manifest(t.manifest.MediaType, data, s.docLimits())
	if err != nil {
		return nil, err
	}
	t.config = manifest.Config.Digest
	if data, err = read(ctx, t.config); err != nil {
		return nil, err
	}
	if int64(len(data)) != manifest.Config.Size {
		return nil, hostile.Refuse("size-mismatch", "manifest.config", "the manifest announces %d bytes and the configuration has %d", manifest.Config.Size, len(data))
	}
	img, err := config.Image(data, want)
	if err != nil {
		return nil, err
	}
	if len(img.RootFS.DiffIDs) != len(manifest.Layers) {
		return nil, hostile.Refuse("layer-count-mismatch", "rootfs.diff_ids", "the configuration lists %d layers and the manifest %d", len(img.RootFS.DiffIDs), len(manifest.Layers))
	}
	chains := identity.ChainIDs(append([]digest.Digest(nil), img.RootFS.DiffIDs...))
	for i, d := range manifest.Layers {
		t.layers = append(t.layers, &layer{Descriptor: d, diffID: img.RootFS.DiffIDs[i], chain: chains[i]})
	}
	t.record = newRecord(t, img)
	return t, nil
}

// chooseManifest picks and reads the manifest for a platform; without one, the first that can be read.
func (s *Store) chooseManifest(ctx context.Context, idx ocispec.Index, want ocispec.Platform, read source) (ocispec.Descriptor, []byte, error) {
	if want.OS != "" {
		d, err := config.Choose(idx, want)
		if err != nil {
			return d, nil, err
		}
		data, err := read(ctx, d.Digest)
		return d, data, err
	}
	candidates := idx.Manifests
	if d, err := config.Choose(idx, s.opts.Platform); err == nil {
		candidates = append([]ocispec.Descriptor{d}, candidates...)
	}
	for _, d := range candidates {
		if !config.IsManifest(d.MediaType) {
			continue
		}
		if data, err := read(ctx, d.Digest); err == nil {
			return d, data, nil
		}
	}
	return ocispec.Descriptor{}, nil, fmt.Errorf("none of the manifests of the index is on this node")
}

// admit checks a target whose blobs are in the store, unpacks its layers and ties everything together, so that a name keeps
// all of it.
func (x *session) admit(ctx context.Context, target ocispec.Descriptor, want ocispec.Platform, report *reporter) (*tree, error) {
	t, err := x.s.readTree(ctx, target, want, x.Document)
	if err != nil {
		return nil, err
	}
	var list []ocispec.Descriptor
	for _, l := range t.layers {
		list = append(list, l.Descriptor)
	}
	if err := x.holdBlobs(ctx, list); err != nil {
		return nil, err
	}
	for _, l := range t.layers {
		ok, err := x.has(ctx, l.Descriptor)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, hostile.Refuse("blob-missing", string(l.Digest), "the manifest lists this layer and it is not there")
		}
	}
	if err := x.unpackAll(ctx, t.layers, report); err != nil {
		return nil, err
	}
	return t, x.tie(ctx, t)
}

// tie writes the references that the collector follows: index to manifests, manifest to configuration and layers,
// configuration to the topmost unpacked layer.
func (x *session) tie(ctx context.Context, t *tree) error {
	if t.index != nil {
		labels := map[string]string{}
		for i, m := range t.index.Manifests {
			labels[refContent+"m."+strconv.Itoa(i)] = m.Digest.String()
		}
		if err := x.label(ctx, t.target.Digest, labels); err != nil {
			return err
		}
	}
	labels := map[string]string{refContent + "config": t.config.String()}
	for i, l := range t.layers {
		labels[refContent+"l."+strconv.Itoa(i)] = l.Digest.String()
	}
	if err := x.label(ctx, t.manifest.Digest, labels); err != nil {
		return err
	}
	if len(t.layers) == 0 {
		return nil
	}
	return x.label(ctx, t.config, map[string]string{refSnapshot: t.layers[len(t.layers)-1].chain.String()})
}

// label adds labels to a blob. It has a transaction of its own: the content store takes its lock before the database's, so
// that calling it within a transaction could wait for ever.
func (x *session) label(ctx context.Context, id digest.Digest, labels map[string]string) error {
	paths := make([]string, 0, len(labels))
	for key := range labels {
		paths = append(paths, "labels."+key)
	}
	if _, err := x.s.blobs.Update(ctx, content.Info{Digest: id, Labels: labels}, paths...); err != nil {
		return fmt.Errorf("tie blob %s: %w", id, err)
	}
	return nil
}
