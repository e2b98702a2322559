package config

import (
	"encoding/json"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// maxManifests is how many variants an index may list.
const maxManifests = 1024

// Limits bound what a manifest may announce.
type Limits struct {
	// Layers is the most layers of one image.
	Layers int
	// Document is the most bytes of a manifest, index or configuration, Blob of a layer, and Image of all layers together.
	Document, Blob, Image int64
}

// layerTypes are the media types of layers and how they are compressed, as unpack.Compression names it.
var layerTypes = map[string]string{
	images.MediaTypeDockerSchema2Layer: "none", ocispec.MediaTypeImageLayer: "none",
	images.MediaTypeDockerSchema2LayerGzip: "gzip", ocispec.MediaTypeImageLayerGzip: "gzip",
	images.MediaTypeDockerSchema2LayerZstd: "zstd", ocispec.MediaTypeImageLayerZstd: "zstd",
}

// LayerCompression is the compression that a layer's media type promises; ok is false for what is no layer.
func LayerCompression(mediaType string) (compression string, ok bool) {
	compression, ok = layerTypes[mediaType]
	return compression, ok
}

// IsIndex and IsManifest tell the two kinds of targets apart.
func IsIndex(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == images.MediaTypeDockerSchema2ManifestList
}

// IsManifest reports whether mediaType is that of an image's manifest.
func IsManifest(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageManifest || mediaType == images.MediaTypeDockerSchema2Manifest
}

// shape is the keys of which a document may have only one kind (GHSA-xmmx-7jpf-fx42: a document that is a manifest to one
// reader and an index to another).
type shape struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     string          `json:"mediaType"`
	Config        json.RawMessage `json:"config"`
	Layers        json.RawMessage `json:"layers"`
	Manifests     json.RawMessage `json:"manifests"`
	FSLayers      json.RawMessage `json:"fsLayers"`
}

// checkShape decodes what both kinds share.
func checkShape(what, mediaType string, data []byte, limits Limits) (shape, error) {
	var s shape
	if int64(len(data)) > limits.Document {
		return s, hostile.Refuse("document-too-large", what, "it has %d bytes, at most %d are allowed", len(data), limits.Document)
	}
	if err := Decode(what, data, &s); err != nil {
		return s, err
	}
	switch {
	case s.SchemaVersion != 2:
		return s, hostile.Refuse("manifest-version", what, "its schema version is %d, only 2 is supported", s.SchemaVersion)
	case s.FSLayers != nil:
		return s, hostile.Refuse("manifest-ambiguous", what, "it has the field fsLayers of Docker's first manifest format")
	case s.MediaType != "" && s.MediaType != mediaType:
		return s, hostile.Refuse("media-type-mismatch", what, "it calls itself %q and was announced as %q", s.MediaType, mediaType)
	case s.Manifests != nil && (s.Config != nil || s.Layers != nil):
		return s, hostile.Refuse("manifest-ambiguous", what, "it has the fields of a manifest and of an index, and readers differ in what it is")
	}
	return s, nil
}

// Manifest reads an image's manifest that was announced with a media type.
func Manifest(mediaType string, data []byte, limits Limits) (ocispec.Manifest, error) {
	var m ocispec.Manifest
	if !IsManifest(mediaType) {
		return m, hostile.Refuse("media-type", "manifest", "%q is not the media type of an image's manifest", clip(mediaType))
	}
	s, err := checkShape("manifest", mediaType, data, limits)
	if err != nil {
		return m, err
	}
	if s.Manifests != nil || s.Config == nil || s.Layers == nil {
		return m, hostile.Refuse("manifest-ambiguous", "manifest", "it is announced as a manifest and has not the fields of one")
	}
	if err := Decode("manifest", data, &m); err != nil {
		return m, err
	}
	if t := m.Config.MediaType; t != ocispec.MediaTypeImageConfig && t != images.MediaTypeDockerSchema2Config {
		return m, hostile.Refuse("media-type", "manifest.config", "%q is no configuration of a container image; this is something else that a registry keeps", clip(t))
	}
	if err := checkDescriptor("manifest.config", m.Config, limits.Document); err != nil {
		return m, err
	}
	if len(m.Layers) > limits.Layers {
		return m, hostile.Refuse("too-many-layers", "manifest.layers", "the image has %d layers, at most %d are allowed", len(m.Layers), limits.Layers)
	}
	var total int64
	for i, l := range m.Layers {
		name := field("manifest.layers", i)
		if _, ok := LayerCompression(l.MediaType); !ok {
			return m, hostile.Refuse("media-type", name, "%q is no layer that can be unpacked", clip(l.MediaType))
		}
		if err := checkDescriptor(name, l, limits.Blob); err != nil {
			return m, err
		}
		// No overflow: there are few layers and each is small beside an int64.
		if total += l.Size; total > limits.Image {
			return m, hostile.Refuse("image-too-large", name, "the layers have more than %d bytes together", limits.Image)
		}
	}
	return m, nil
}

// Attached reads a manifest of something that an index lists beside its images: an attestation. Its blobs are handed on
// and never unpacked, so that their types are nobody's business.
func Attached(mediaType string, data []byte, limits Limits) (ocispec.Manifest, error) {
	var m ocispec.Manifest
	s, err := checkShape("attached manifest", mediaType, data, limits)
	if err != nil {
		return m, err
	}
	if s.Manifests != nil || s.Config == nil {
		return m, hostile.Refuse("manifest-ambiguous", "attached manifest", "it has not the fields of a manifest")
	}
	if err := Decode("attached manifest", data, &m); err != nil {
		return m, err
	}
	if len(m.Layers) > limits.Layers {
		return m, hostile.Refuse("too-many-layers", "attached manifest", "it lists %d blobs, at most %d are allowed", len(m.Layers), limits.Layers)
	}
	for i, d := range append([]ocispec.Descriptor{m.Config}, m.Layers...) {
		if err := checkDescriptor(field("attached manifest", i), d, limits.Document); err != nil {
			return m, err
		}
	}
	return m, nil
}

// Index reads an index that was announced with a media type.
func Index(mediaType string, data []byte, limits Limits) (ocispec.Index, error) {
	var idx ocispec.Index
	if !IsIndex(mediaType) {
		return idx, hostile.Refuse("media-type", "index", "%q is not the media type of an index", clip(mediaType))
	}
	s, err := checkShape("index", mediaType, data, limits)
	if err != nil {
		return idx, err
	}
	if s.Manifests == nil {
		return idx, hostile.Refuse("manifest-ambiguous", "index", "it is announced as an index and has not the fields of one")
	}
	if err := Decode("index", data, &idx); err != nil {
		return idx, err
	}
	if len(idx.Manifests) > maxManifests {
		return idx, hostile.Refuse("too-many-manifests", "index.manifests", "it lists %d manifests, at most %d are allowed", len(idx.Manifests), maxManifests)
	}
	for i, m := range idx.Manifests {
		if err := checkDescriptor(field("index.manifests", i), m, limits.Blob); err != nil {
			return idx, err
		}
	}
	return idx, nil
}

// checkDescriptor checks digest and size, and refuses addresses: a blob comes from the registry that was asked and from
// nowhere else (layers "foreign" to it would make the node fetch any address).
func checkDescriptor(name string, d ocispec.Descriptor, limit int64) error {
	if err := CheckDigest(d.Digest); err != nil {
		return hostile.Refuse("digest-malformed", name, "%q is not a sha256 digest", clip(string(d.Digest)))
	}
	if d.Size < 0 || d.Size > limit {
		return hostile.Refuse("size-out-of-range", name, "it announces %d bytes, at most %d are allowed", d.Size, limit)
	}
	if len(d.URLs) > 0 {
		return hostile.Refuse("foreign-url", name, "it is to be fetched from %q, and blobs come from the image's own registry only", clip(d.URLs[0]))
	}
	return nil
}

// Choose picks the manifest for a platform from an index. When no entry names a platform and there is only one, it is that.
func Choose(idx ocispec.Index, want ocispec.Platform) (ocispec.Descriptor, error) {
	match := platforms.OnlyStrict(want)
	var offered string
	for _, m := range idx.Manifests {
		if m.Platform == nil || !IsManifest(m.MediaType) {
			continue
		}
		if match.Match(platforms.Normalize(*m.Platform)) {
			return m, nil
		}
		if m.Platform.OS != "unknown" && len(offered) < 512 {
			offered += " " + show(*m.Platform)
		}
	}
	if len(idx.Manifests) == 1 && idx.Manifests[0].Platform == nil && IsManifest(idx.Manifests[0].MediaType) {
		return idx.Manifests[0], nil
	}
	return ocispec.Descriptor{}, hostile.Refuse("no-platform", "index", "it has no image for %s (it has:%s)", show(want), offered)
}
