package image

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/refs"
	"github.com/bailey-run/bailey/internal/image/unpack"
)

// CommitOptions describes the image that Commit makes.
type CommitOptions struct {
	// Name is the name to give; empty leaves the image unnamed.
	Name string
	// Author and Message say who made it and why; CreatedBy is the command whose traces the layer holds.
	Author, Message, CreatedBy string
	// Config replaces the base's configuration.
	Config dockerspec.DockerOCIImageConfig
}

// Commit makes an image of another one and one more layer, a tar archive; nil adds none. The layer is checked and unpacked
// like one from anywhere else.
func (s *Store) Commit(ctx context.Context, base string, layer io.Reader, opts CommitOptions) (Image, error) {
	var names []refs.Name
	if opts.Name != "" {
		name, err := refs.ParseTag(opts.Name)
		if err != nil {
			return Image{}, err
		}
		names = []refs.Name{name}
	}
	ctx, x, err := s.begin(ctx)
	if err != nil {
		return Image{}, err
	}
	defer x.end(ctx)
	target, _, err := s.resolve(ctx, base)
	if err != nil {
		return Image{}, err
	}
	below, err := s.readTree(ctx, target, ocispec.Platform{}, x.Document)
	if err != nil {
		return Image{}, err
	}
	cfg, layers := extend(below, opts)
	if err := x.holdBlobs(ctx, layers); err != nil {
		return Image{}, err
	}
	if layer != nil {
		limited := &limitedReader{r: bound(ctx, layer), left: s.opts.Limits.LayerBytes}
		blob, err := x.layer(ctx, limited, "", unpack.None, true)
		if err != nil {
			return Image{}, err
		}
		blob.MediaType = ocispec.MediaTypeImageLayer
		layers, cfg.RootFS.DiffIDs = append(layers, blob), append(cfg.RootFS.DiffIDs, blob.Digest)
		cfg.History[len(cfg.History)-1].EmptyLayer = false
	}
	if target, err = x.compose(ctx, &cfg, layers); err != nil {
		return Image{}, err
	}
	if _, err := x.admit(ctx, target, cfg.Platform, &reporter{}); err != nil {
		return Image{}, hostile.In(err, opts.Name, "")
	}
	if err := x.publish(ctx, []naming{{target: target, names: names}}); err != nil {
		return Image{}, err
	}
	return s.describe(ctx, target)
}

// extend is the configuration of an image on top of another, with one step of history that has no layer yet, and the layers
// below by their OCI names.
func extend(below *tree, opts CommitOptions) (dockerspec.DockerOCIImage, []ocispec.Descriptor) {
	now := time.Now().UTC()
	cfg := below.record.img.Config
	cfg.Config, cfg.Author, cfg.Created = opts.Config, opts.Author, &now
	cfg.RootFS.DiffIDs = slices.Clone(cfg.RootFS.DiffIDs)
	cfg.History = slices.Clone(cfg.History)
	told := 0
	for _, h := range cfg.History {
		if !h.EmptyLayer {
			told++
		}
	}
	for ; told < len(below.layers); told++ { // or the new layer would be taken for an old one
		cfg.History = append(cfg.History, ocispec.History{Comment: "layer without history"})
	}
	cfg.History = append(cfg.History, ocispec.History{Created: &now, CreatedBy: opts.CreatedBy, Author: opts.Author, Comment: opts.Message, EmptyLayer: true})
	var layers []ocispec.Descriptor
	for _, l := range below.layers {
		d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: l.Digest, Size: l.Size}
		for _, compression := range []string{"gzip", "zstd"} {
			if strings.HasSuffix(l.MediaType, compression) {
				d.MediaType += "+" + compression
			}
		}
		layers = append(layers, d)
	}
	return cfg, layers
}
