package archive

import (
	"slices"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/refs"
)

// annotationName is where docker and containerd write an image's name in full.
const annotationName = "io.containerd.image.name"

// layout reads index.json.
func (a *reader) layout() ([]Image, error) {
	idx, err := config.Index(ocispec.MediaTypeImageIndex, a.docs["index.json"], a.opts.Documents)
	if err != nil {
		return nil, err
	}
	var images []Image
	named := map[string]digest.Digest{}
	for _, d := range a.fitting(idx.Manifests) {
		if err := a.check(d); err != nil {
			return nil, err
		}
		name, err := nameOf(d)
		if err != nil {
			return nil, err
		}
		img := Image{Target: ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}}
		if name != nil {
			if other, had := named[name.String()]; had && other != d.Digest {
				return nil, hostile.Refuse("ambiguous-name", name.String(), "the archive gives this name to two images, %s and %s", other, d.Digest)
			}
			named[name.String()] = d.Digest
			img.Names = []refs.Name{*name}
		}
		images = merge(images, img)
	}
	if len(images) == 0 {
		return nil, hostile.Refuse("no-image", "index.json", "the archive lists no image that can run here")
	}
	return images, nil
}

// fitting leaves out what is no image (attestations, artifacts), and variants for other platforms where there is one for ours.
func (a *reader) fitting(all []ocispec.Descriptor) []ocispec.Descriptor {
	match := platforms.OnlyStrict(a.opts.Platform)
	var fit, rest []ocispec.Descriptor
	for _, d := range all {
		switch {
		case d.ArtifactType != "", d.Platform != nil && d.Platform.OS == "unknown":
		case d.Platform == nil || match.Match(platforms.Normalize(*d.Platform)):
			fit = append(fit, d)
		default:
			rest = append(rest, d)
		}
	}
	if len(fit) == 0 {
		return rest // refused later, with words about the platform
	}
	return fit
}

// check compares a descriptor with the blob that the archive has.
func (a *reader) check(d ocispec.Descriptor) error {
	if !config.IsIndex(d.MediaType) && !config.IsManifest(d.MediaType) {
		return hostile.Refuse("media-type", d.MediaType, "index.json lists it, and it is neither a manifest nor an index of images")
	}
	e, err := a.find("an image", "blobs/sha256/"+d.Digest.Encoded())
	if err != nil {
		return err
	}
	if e.Size != d.Size {
		return hostile.Refuse("size-mismatch", string(d.Digest), "index.json announces %d bytes and the archive has %d", d.Size, e.Size)
	}
	return nil
}

// nameOf is the name that annotations give; nil when there is none, or only a tag that belongs to no repository.
func nameOf(d ocispec.Descriptor) (*refs.Name, error) {
	full, short := d.Annotations[annotationName], d.Annotations[ocispec.AnnotationRefName]
	if full != "" {
		name, err := refs.ParseTag(full)
		return &name, err
	}
	// A bare tag such as "latest" or "1.0" is a reference within the layout; a name has a repository and a tag.
	if name, err := refs.ParseTag(short); err == nil && name.Familiar() == short {
		return &name, nil
	}
	return nil, nil
}

// merge adds an image, or its names to the same image that is there already.
func merge(images []Image, img Image) []Image {
	for i := range images {
		if images[i].Target.Digest == img.Target.Digest {
			images[i].add(img.Names...)
			return images
		}
	}
	return append(images, img)
}

// add adds names that the image does not have yet.
func (img *Image) add(names ...refs.Name) {
	for _, name := range names {
		if !slices.ContainsFunc(img.Names, func(n refs.Name) bool { return n.String() == name.String() }) {
			img.Names = append(img.Names, name)
		}
	}
}
