package image

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/archive"
	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/refs"
	"github.com/bailey-run/bailey/internal/image/unpack"
)

// watchFrom is the size from which the reading of an archive's entry is reported, in bytes.
const watchFrom = 64 << 10

// Load reads a docker-archive or an OCI layout (tar, also compressed with gzip or zstd), checks and unpacks every image in
// it. Either all images of the archive are there afterwards, or none.
func (s *Store) Load(ctx context.Context, r io.Reader, progress Progress) (out []Image, err error) {
	ctx, x, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer x.end(ctx)
	report := &reporter{to: progress}
	found, err := archive.Read(ctx, bound(ctx, r), x, archive.Options{
		Bytes: s.opts.Limits.ArchiveBytes, Ratio: unpack.Ratio{Max: s.opts.Limits.Ratio, Free: s.opts.Limits.RatioFree},
		Documents: s.docLimits(), Platform: s.opts.Platform, StreamFrom: s.streamFrom, Watch: report.watchEntry,
	})
	if err != nil {
		return nil, err
	}
	var namings []naming
	for _, img := range found {
		if _, err := x.admit(ctx, img.Target, s.opts.Platform, report); err != nil {
			return nil, hostile.In(err, label(img), "")
		}
		namings = append(namings, naming{target: img.Target, names: img.Names})
	}
	moved := s.moved(namings)
	if err := x.publish(ctx, namings); err != nil {
		return nil, err
	}
	for _, status := range moved {
		report.send(Event{Status: status})
	}
	for _, img := range found {
		loaded, err := s.describe(ctx, img.Target)
		if err != nil {
			return nil, err
		}
		out = append(out, loaded)
		for _, name := range img.Names {
			report.send(Event{Status: "Loaded image: " + name.Familiar()})
		}
		if len(img.Names) == 0 {
			report.send(Event{Status: "Loaded image ID: " + loaded.ID.String()})
		}
	}
	return out, nil
}

// label is how errors call an image of an archive.
func label(img archive.Image) string {
	if len(img.Names) > 0 {
		return img.Names[0].Familiar()
	}
	return short(img.Target.Digest)
}

// entryDigest finds what could be the digest of a layer in the name of an entry.
var entryDigest = regexp.MustCompile(`[0-9a-f]{64}`)

// watchEntry reports how the large entries of an archive are read.
func (r *reporter) watchEntry(name string, size int64, from io.Reader) io.Reader {
	if size < watchFrom {
		return from
	}
	id := entryDigest.FindString(name)
	return r.watch(id[:min(len(id), 12)], "Loading layer", size, from)
}

// bound makes a reader fail once ctx is done, so that a load stops between two reads.
func bound(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

// readerFunc is a function that reads.
type readerFunc func(p []byte) (int, error)

// Read calls the function.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Import makes an image of one layer from a tar of a root filesystem, which may be compressed with gzip or zstd.
func (s *Store) Import(ctx context.Context, r io.Reader, opts ImportOptions, progress Progress) (Image, error) {
	var names []refs.Name
	if opts.Name != "" {
		name, err := refs.ParseTag(opts.Name)
		if err != nil {
			return Image{}, err
		}
		names = []refs.Name{name}
	}
	cfg, err := newConfig(opts, s.opts.Platform)
	if err != nil {
		return Image{}, err
	}
	ctx, x, err := s.begin(ctx)
	if err != nil {
		return Image{}, err
	}
	defer x.end(ctx)
	plain, _, err := unpack.Decompress(bound(ctx, r), unpack.Ratio{Max: s.opts.Limits.Ratio, Free: s.opts.Limits.RatioFree})
	if err != nil {
		return Image{}, err
	}
	defer func() { _ = plain.Close() }()
	report := &reporter{to: progress}
	limited := &limitedReader{r: report.watch("", "Importing", 0, plain), left: s.opts.Limits.LayerBytes}
	blob, err := x.layer(ctx, limited, "", unpack.None, true)
	if err != nil {
		return Image{}, err
	}
	blob.MediaType = ocispec.MediaTypeImageLayer
	cfg.RootFS.DiffIDs = []digest.Digest{blob.Digest}
	target, err := x.compose(ctx, cfg, []ocispec.Descriptor{blob})
	if err != nil {
		return Image{}, err
	}
	if _, err := x.admit(ctx, target, cfg.Platform, report); err != nil {
		return Image{}, hostile.In(err, opts.Name, "")
	}
	if err := x.publish(ctx, []naming{{target: target, names: names}}); err != nil {
		return Image{}, err
	}
	return s.describe(ctx, target)
}

// compose writes configuration and manifest of an image with these layers; the configuration lists their digests.
func (x *session) compose(ctx context.Context, cfg *dockerspec.DockerOCIImage, layers []ocispec.Descriptor) (ocispec.Descriptor, error) {
	cfg.RootFS.Type = "layers"
	d, err := x.putJSON(ctx, cfg)
	if err != nil {
		return d, err
	}
	d.MediaType = ocispec.MediaTypeImageConfig
	target, err := x.putJSON(ctx, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: d, Layers: layers,
	})
	target.MediaType = ocispec.MediaTypeImageManifest
	return target, err
}

// putJSON stores a document that is ours.
func (x *session) putJSON(ctx context.Context, v any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("write a document: %w", err)
	}
	return x.Put(ctx, bytes.NewReader(data), "")
}

// newConfig is the configuration of an imported image.
func newConfig(opts ImportOptions, host ocispec.Platform) (*dockerspec.DockerOCIImage, error) {
	now := time.Now().UTC()
	comment := opts.Message
	if comment == "" {
		comment = "imported from a root filesystem"
	}
	cfg := &dockerspec.DockerOCIImage{}
	cfg.Created, cfg.Platform = &now, host
	if opts.Platform != nil {
		cfg.Platform = *opts.Platform
		if cfg.Architecture == "" {
			cfg.Architecture = host.Architecture
		}
	}
	cfg.History = []ocispec.History{{Created: &now, Comment: comment}}
	if err := Change(&cfg.Config, opts.Changes, nil); err != nil {
		return nil, err
	}
	return cfg, nil
}

// limitedReader refuses a layer that is too large while it is read.
type limitedReader struct {
	r    io.Reader
	left int64
}

// Read refuses what is beyond the limit.
func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, hostile.Refuse("layer-too-large", "", "the root filesystem is larger than a layer may be")
	}
	return n, err
}
