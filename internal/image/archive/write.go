package archive

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/refs"
)

// Saved is one image to write.
type Saved struct {
	Target ocispec.Descriptor
	Names  []refs.Name
	// Config and Layers are those of the variant that docker's manifest.json is to name.
	Config ocispec.Descriptor
	Layers []ocispec.Descriptor
	// Blobs are all blobs of the image, Target, Config and Layers included.
	Blobs []ocispec.Descriptor
}

// Write writes images as an OCI layout with a manifest.json, so that docker from version 1.10 on can load it too. The lists
// come first, so that a reader knows what the blobs are. Equal images give equal archives.
func Write(w io.Writer, images []Saved, open func(ocispec.Descriptor) (io.ReadCloser, error)) error {
	out := tar.NewWriter(w)
	index, items := lists(images)
	for _, doc := range []struct {
		name  string
		value any
	}{
		{"oci-layout", ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}}, {"index.json", index}, {"manifest.json", items},
	} {
		data, err := json.Marshal(doc.value)
		if err != nil {
			return err
		}
		if err := add(out, doc.name, int64(len(data)), strings.NewReader(string(data))); err != nil {
			return err
		}
	}
	for _, name := range []string{"blobs/", "blobs/sha256/"} {
		if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755, ModTime: time.Unix(0, 0)}); err != nil {
			return err
		}
	}
	var blobs []ocispec.Descriptor
	for _, img := range images {
		blobs = append(blobs, img.Blobs...)
	}
	slices.SortFunc(blobs, func(a, b ocispec.Descriptor) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	blobs = slices.CompactFunc(blobs, func(a, b ocispec.Descriptor) bool { return a.Digest == b.Digest })
	for _, d := range blobs {
		if err := addBlob(out, d, open); err != nil {
			return err
		}
	}
	return out.Close()
}

// lists are index.json and manifest.json.
func lists(images []Saved) (ocispec.Index, []item) {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{}}
	items := []item{}
	for _, img := range images {
		it := item{Config: blobPath(img.Config.Digest), Layers: []string{}}
		for _, l := range img.Layers {
			it.Layers = append(it.Layers, blobPath(l.Digest))
		}
		d := ocispec.Descriptor{MediaType: img.Target.MediaType, Digest: img.Target.Digest, Size: img.Target.Size}
		if len(img.Names) == 0 {
			index.Manifests = append(index.Manifests, d)
		}
		for _, name := range img.Names {
			d.Annotations = map[string]string{annotationName: name.String(), ocispec.AnnotationRefName: name.Tag()}
			index.Manifests = append(index.Manifests, d)
			it.RepoTags = append(it.RepoTags, name.Familiar())
		}
		items = append(items, it)
	}
	return index, items
}

// blobPath is where a layout keeps a blob.
func blobPath(d digest.Digest) string { return "blobs/sha256/" + d.Encoded() }

// addBlob writes one blob.
func addBlob(out *tar.Writer, d ocispec.Descriptor, open func(ocispec.Descriptor) (io.ReadCloser, error)) (err error) {
	r, err := open(d)
	if err != nil {
		return fmt.Errorf("read blob %s: %w", d.Digest, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return add(out, blobPath(d.Digest), d.Size, r)
}

// add writes one file.
func add(out *tar.Writer, name string, size int64, r io.Reader) error {
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	if _, err := io.Copy(out, r); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
