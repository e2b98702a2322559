package archive

import (
	"bytes"
	"encoding/json"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/refs"
	"github.com/bailey-run/bailey/internal/image/unpack"
)

// maxItems is how many images a docker-archive may hold, and maxTags how many names one of them.
const (
	maxItems = 1024
	maxTags  = 1024
)

// item is one element of manifest.json.
type item struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// items reads manifest.json.
func (a *reader) items() ([]item, error) {
	var items []item
	if err := config.Decode("manifest.json", a.docs["manifest.json"], &items); err != nil {
		return nil, err
	}
	if len(items) == 0 || len(items) > maxItems {
		return nil, hostile.Refuse("no-image", "manifest.json", "it lists %d images, between 1 and %d are allowed", len(items), maxItems)
	}
	for _, it := range items {
		if len(it.RepoTags) > maxTags {
			return nil, hostile.Refuse("too-many-tags", "manifest.json", "an image has %d names, at most %d are allowed", len(it.RepoTags), maxTags)
		}
		if len(it.Layers) > a.opts.Documents.Layers {
			return nil, hostile.Refuse("too-many-layers", "manifest.json", "an image has %d layers, at most %d are allowed", len(it.Layers), a.opts.Documents.Layers)
		}
	}
	return items, nil
}

// tags reads the names of an item.
func (it item) tags() ([]refs.Name, error) {
	var names []refs.Name
	for _, tag := range it.RepoTags {
		name, err := refs.ParseTag(tag)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// dockerImages turns the items of a docker-archive into OCI manifests, always the same for the same archive.
func (a *reader) dockerImages() ([]Image, error) {
	items, err := a.items()
	if err != nil {
		return nil, err
	}
	var images []Image
	owner := map[string]digest.Digest{}
	for _, it := range items {
		names, err := it.tags()
		if err != nil {
			return nil, err
		}
		target, err := a.manifest(it)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if other, had := owner[name.String()]; had && other != target.Digest {
				return nil, hostile.Refuse("ambiguous-name", name.String(), "the archive gives this name to two images")
			}
			owner[name.String()] = target.Digest
		}
		img := Image{Target: target}
		img.add(names...)
		images = merge(images, img)
	}
	return images, nil
}

// manifest writes the manifest that an item lacks.
func (a *reader) manifest(it item) (ocispec.Descriptor, error) {
	cfg, err := a.find("a configuration", it.Config)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Layers: []ocispec.Descriptor{}}
	m.Config = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: cfg.Digest, Size: cfg.Size}
	for _, name := range it.Layers {
		l, err := a.find("a layer", name)
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: layerType(l.compression), Digest: l.Digest, Size: l.Size})
	}
	data, err := json.Marshal(m)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d, err := a.blobs.Put(a.ctx, bytes.NewReader(data), "")
	d.MediaType = ocispec.MediaTypeImageManifest
	return d, err
}

// layerType is the media type of a layer with a compression.
func layerType(c unpack.Compression) string {
	switch c {
	case unpack.Gzip:
		return ocispec.MediaTypeImageLayerGzip
	case unpack.Zstd:
		return ocispec.MediaTypeImageLayerZstd
	}
	return ocispec.MediaTypeImageLayer
}

// compare checks that manifest.json says the same as the layout beside it, and takes names from it that the layout lacks.
func (a *reader) compare(images []Image) ([]Image, error) {
	items, err := a.items()
	if err != nil {
		return nil, err
	}
	c := comparer{reader: a, known: map[digest.Digest]string{}}
	contents := make([]map[string]bool, len(images)) // what each image stands for
	homes, owner := map[string]int{}, map[string]int{}
	for i, img := range images {
		if contents[i], err = c.contents(img.Target); err != nil {
			return nil, err
		}
		for content := range contents[i] {
			homes[content] = i
		}
		for _, name := range img.Names {
			owner[name.String()] = i
		}
	}
	for _, it := range items {
		want, err := a.contentOf(it)
		if err != nil {
			return nil, err
		}
		home, ok := homes[want]
		if !ok {
			return nil, hostile.Refuse("archive-ambiguous", it.Config, "manifest.json lists an image that index.json does not have: readers would take different images from this archive")
		}
		names, err := it.tags()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			i, had := owner[name.String()]
			if had && !contents[i][want] {
				return nil, hostile.Refuse("archive-ambiguous", name.String(), "manifest.json and index.json give this name to different images")
			}
			if !had {
				owner[name.String()] = home
				images[home].add(name)
			}
		}
	}
	return images, nil
}

// contentOf is what makes an image, the digests of its configuration and its layers, as an item names them.
func (a *reader) contentOf(it item) (string, error) {
	cfg, err := a.find("a configuration", it.Config)
	if err != nil {
		return "", err
	}
	content := string(cfg.Digest)
	for _, name := range it.Layers {
		l, err := a.find("a layer", name)
		if err != nil {
			return "", err
		}
		content += " " + string(l.Digest)
	}
	return content, nil
}

// comparer finds out what the targets of a layout stand for. Each manifest is read once, however many indexes list it.
type comparer struct {
	*reader
	known map[digest.Digest]string
}

// contents lists what a target stands for; variants that the archive does not have are left out.
func (c *comparer) contents(target ocispec.Descriptor) (map[string]bool, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	manifests := []ocispec.Descriptor{target}
	if config.IsIndex(target.MediaType) {
		data, err := c.blobs.Document(c.ctx, target.Digest)
		if err != nil {
			return nil, err
		}
		idx, err := config.Index(target.MediaType, data, c.opts.Documents)
		if err != nil {
			return nil, err
		}
		manifests = idx.Manifests
	}
	out := map[string]bool{}
	for _, d := range manifests {
		if _, ok := c.entries[blobPath(d.Digest)]; !ok || !config.IsManifest(d.MediaType) || d.Platform != nil && d.Platform.OS == "unknown" {
			continue
		}
		content, err := c.content(d)
		if err != nil {
			return nil, err
		}
		out[content] = true
	}
	return out, nil
}

// content is what a manifest stands for.
func (c *comparer) content(d ocispec.Descriptor) (string, error) {
	if content, ok := c.known[d.Digest]; ok {
		return content, nil
	}
	data, err := c.blobs.Document(c.ctx, d.Digest)
	if err != nil {
		return "", err
	}
	m, err := config.Manifest(d.MediaType, data, c.opts.Documents)
	if err != nil {
		return "", err
	}
	content := string(m.Config.Digest)
	for _, l := range m.Layers {
		content += " " + string(l.Digest)
	}
	c.known[d.Digest] = content
	return content, nil
}
