package imagetest

import (
	"github.com/distribution/reference"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// DockerItem is one element of a docker-archive's manifest.json.
type DockerItem struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// DockerArchive is the images as `docker save` (before version 25) wrote them.
func DockerArchive(images ...Image) []byte { return Tar(DockerEntries(images...)...) }

// DockerEntries are the entries of DockerArchive, for tests that change some before they call Tar.
func DockerEntries(images ...Image) []File {
	var entries []File
	seen := map[string]bool{}
	add := func(name string, data []byte) {
		if !seen[name] {
			seen[name] = true
			entries = append(entries, File{Name: name, Body: data})
		}
	}
	items := []DockerItem{}
	for _, img := range images {
		built := img.Build()
		item := DockerItem{Config: built.Config.Descriptor.Digest.Encoded() + ".json", RepoTags: img.Tags, Layers: []string{}}
		add(item.Config, built.Config.Data)
		for _, l := range built.Layers {
			name := l.Descriptor.Digest.Encoded() + "/layer.tar"
			add(name, l.Data)
			item.Layers = append(item.Layers, name)
		}
		items = append(items, item)
	}
	return append(entries, File{Name: "manifest.json", Body: mustJSON(items)})
}

// OCIArchive is the images as a tar of an OCI layout.
func OCIArchive(images ...Image) []byte { return Tar(OCIEntries(images...)...) }

// OCIEntries are the entries of OCIArchive, for tests that change some before they call Tar.
func OCIEntries(images ...Image) []File {
	entries := []File{Dir("blobs"), Dir("blobs/sha256"), {Name: "oci-layout", Body: []byte(`{"imageLayoutVersion":"1.0.0"}`)}}
	seen := map[string]bool{}
	add := func(b Blob) {
		if name := "blobs/sha256/" + b.Descriptor.Digest.Encoded(); !seen[name] {
			seen[name] = true
			entries = append(entries, File{Name: name, Body: b.Data})
		}
	}
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{}}
	for _, img := range images {
		built := img.Build()
		for _, l := range built.Layers {
			add(l)
		}
		add(built.Config)
		add(built.Manifest)
		index.Manifests = append(index.Manifests, named(built.Manifest.Descriptor, img.Tags)...)
	}
	return append(entries, File{Name: "index.json", Body: mustJSON(index)})
}

// named repeats a descriptor for each tag with the annotations that docker and containerd write; once without when there is
// no tag.
func named(d ocispec.Descriptor, tags []string) []ocispec.Descriptor {
	if len(tags) == 0 {
		return []ocispec.Descriptor{d}
	}
	var out []ocispec.Descriptor
	for _, tag := range tags {
		d := d
		d.Annotations = map[string]string{"io.containerd.image.name": tag}
		if ref, err := reference.ParseNormalizedNamed(tag); err == nil {
			d.Annotations["io.containerd.image.name"] = reference.TagNameOnly(ref).String()
			if tagged, ok := reference.TagNameOnly(ref).(reference.Tagged); ok {
				d.Annotations[ocispec.AnnotationRefName] = tagged.Tag()
			}
		}
		out = append(out, d)
	}
	return out
}
