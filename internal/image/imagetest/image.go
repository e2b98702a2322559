package imagetest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"runtime"

	"github.com/klauspost/compress/zstd"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Layer is one layer of an Image.
type Layer struct {
	// Files are its entries.
	Files []File
	// Raw replaces Files: the layer's tar, uncompressed.
	Raw []byte
	// Compression is "", "gzip" or "zstd".
	Compression string
	// DiffID replaces the right digest of the uncompressed tar in the configuration.
	DiffID digest.Digest
}

// Image describes an image to put in an archive.
type Image struct {
	// Tags are its names in an archive, for example "busybox:latest".
	Tags   []string
	Layers []Layer
	// Config is the configuration; platform, RootFS and Created are filled in when they are empty.
	Config dockerspec.DockerOCIImage
	// EditConfig and EditManifest, when set, change the JSON documents just before they are put in the archive.
	EditConfig, EditManifest func([]byte) []byte
}

// Blob is a document or a layer with its descriptor.
type Blob struct {
	Descriptor ocispec.Descriptor
	Data       []byte
}

// Built is an Image turned into blobs.
type Built struct {
	Manifest, Config Blob
	Layers           []Blob
}

// blob describes data.
func blob(mediaType string, data []byte) Blob {
	return Blob{ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}, data}
}

// tar is the uncompressed tar of the layer.
func (l Layer) tar() []byte {
	if l.Raw != nil {
		return l.Raw
	}
	return Tar(l.Files...)
}

// Blob is the layer as it is stored, and the digest of its uncompressed tar (or what DiffID says).
func (l Layer) Blob() (Blob, digest.Digest) {
	raw := l.tar()
	diffID := digest.FromBytes(raw)
	if l.DiffID != "" {
		diffID = l.DiffID
	}
	switch l.Compression {
	case "gzip":
		return blob(ocispec.MediaTypeImageLayerGzip, Gzip(raw)), diffID
	case "zstd":
		return blob(ocispec.MediaTypeImageLayerZstd, Zstd(raw)), diffID
	}
	return blob(ocispec.MediaTypeImageLayer, raw), diffID
}

// Gzip compresses data.
func Gzip(data []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = w.Write(data)
	_ = w.Close()
	return buf.Bytes()
}

// Zstd compresses data.
func Zstd(data []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic("imagetest: " + err.Error())
	}
	defer func() { _ = w.Close() }()
	return w.EncodeAll(data, nil)
}

// Build turns the image into blobs with an OCI manifest.
func (img Image) Build() Built {
	var b Built
	cfg := img.Config
	fill := cfg.RootFS.DiffIDs == nil
	for _, l := range img.Layers {
		layer, diffID := l.Blob()
		b.Layers = append(b.Layers, layer)
		if fill {
			cfg.RootFS.DiffIDs = append(cfg.RootFS.DiffIDs, diffID)
		}
	}
	if cfg.RootFS.Type == "" {
		cfg.RootFS.Type = "layers"
	}
	if cfg.RootFS.DiffIDs == nil {
		cfg.RootFS.DiffIDs = []digest.Digest{}
	}
	if cfg.OS == "" && cfg.Architecture == "" {
		cfg.OS, cfg.Architecture = "linux", runtime.GOARCH
	}
	if cfg.Created == nil {
		cfg.Created = &epoch
	}
	b.Config = blob(ocispec.MediaTypeImageConfig, edited(cfg, img.EditConfig))
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: b.Config.Descriptor, Layers: []ocispec.Descriptor{},
	}
	for _, l := range b.Layers {
		manifest.Layers = append(manifest.Layers, l.Descriptor)
	}
	b.Manifest = blob(ocispec.MediaTypeImageManifest, edited(manifest, img.EditManifest))
	return b
}

// edited is v as JSON, changed by edit when there is one.
func edited(v any, edit func([]byte) []byte) []byte {
	data := mustJSON(v)
	if edit != nil {
		data = edit(data)
	}
	return data
}

// mustJSON encodes what the package itself put together.
func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("imagetest: " + err.Error())
	}
	return data
}
