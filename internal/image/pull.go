package image

import (
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/refs"
	"github.com/bailey-run/bailey/internal/image/registry"
	"github.com/bailey-run/bailey/internal/image/unpack"
)

// maxTransfers is how many blobs of one image are fetched or sent at the same time.
const maxTransfers = 3

// Pull fetches an image from its registry, checks and unpacks it. A name with a digest gets exactly this content, whatever
// the registry says.
func (s *Store) Pull(ctx context.Context, ref string, opts PullOptions, progress Progress) (Image, error) {
	name, err := refs.Parse(ref)
	if err != nil {
		return Image{}, err
	}
	keep := name
	if name.Digest() != "" {
		keep = name.WithDigest(name.Digest())
	}
	want := s.opts.Platform
	if opts.Platform != nil {
		want = *opts.Platform
	}
	repo, err := s.registry.Open(name, opts.Auth)
	if err != nil {
		return Image{}, err
	}
	defer repo.Close()
	ctx, x, err := s.begin(ctx)
	if err != nil {
		return Image{}, err
	}
	defer x.end(ctx)
	p := &pull{session: x, repo: repo, report: &reporter{to: progress}}
	target, err := p.fetchAll(ctx, name, want)
	if err != nil {
		return Image{}, hostile.In(err, name.Familiar(), "")
	}
	if err := x.publish(ctx, []naming{{target: target, names: []refs.Name{keep}}}); err != nil {
		return Image{}, err
	}
	p.report.send(Event{Status: "Digest: " + target.Digest.String()})
	if p.fetched {
		p.report.send(Event{Status: "Status: Downloaded newer image for " + name.Familiar()})
	} else {
		p.report.send(Event{Status: "Status: Image is up to date for " + name.Familiar()})
	}
	return s.describe(ctx, target)
}

// tagOrDigest is what docker shows as the id of a pull or push.
func tagOrDigest(name refs.Name) string {
	if d := name.Digest(); d != "" {
		return d.String()
	}
	return name.Tag()
}

// pull is one pull.
type pull struct {
	*session
	repo    *registry.Repository
	report  *reporter
	fetched bool // something came from the registry
}

// fetchAll fetches what a name points to, for one platform, and admits it.
func (p *pull) fetchAll(ctx context.Context, name refs.Name, want ocispec.Platform) (ocispec.Descriptor, error) {
	target, err := p.repo.Resolve(ctx)
	if err != nil {
		return target, err
	}
	// Not before: a name that the registry does not have is an answer of its own and not a line in a stream.
	p.report.send(Event{ID: tagOrDigest(name), Status: "Pulling from " + name.Path()})
	if d := name.Digest(); d != "" && target.Digest != d {
		return target, hostile.Refuse("digest-mismatch", string(d), "the registry answers with %s", target.Digest)
	}
	if !config.IsIndex(target.MediaType) && !config.IsManifest(target.MediaType) {
		return target, hostile.Refuse("media-type", target.MediaType, "the name points to something that is no container image")
	}
	target = ocispec.Descriptor{MediaType: target.MediaType, Digest: target.Digest, Size: target.Size}
	if err := p.document(ctx, target); err != nil {
		return target, err
	}
	manifest := target
	if config.IsIndex(target.MediaType) {
		if manifest, err = p.choose(ctx, target, want); err != nil {
			return target, err
		}
	}
	if err := p.fetchConfig(ctx, manifest); err != nil {
		return target, err
	}
	// Everything that can be refused is refused before the layers are fetched, which are large.
	t, err := p.s.readTree(ctx, target, want, p.Document)
	if err != nil {
		return target, err
	}
	if err := p.fetchLayers(ctx, t.layers); err != nil {
		return target, err
	}
	_, err = p.admit(ctx, target, want, p.report)
	return target, err
}

// choose picks the manifest for a platform from an index that was fetched.
func (p *pull) choose(ctx context.Context, target ocispec.Descriptor, want ocispec.Platform) (ocispec.Descriptor, error) {
	data, err := p.Document(ctx, target.Digest)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	idx, err := config.Index(target.MediaType, data, p.s.docLimits())
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d, err := config.Choose(idx, want)
	if err != nil {
		return d, err
	}
	return d, p.document(ctx, d)
}

// fetchConfig fetches the configuration that a manifest names.
func (p *pull) fetchConfig(ctx context.Context, d ocispec.Descriptor) error {
	data, err := p.Document(ctx, d.Digest)
	if err != nil {
		return err
	}
	m, err := config.Manifest(d.MediaType, data, p.s.docLimits())
	if err != nil {
		return err
	}
	return p.document(ctx, m.Config)
}

// fetchLayers fetches the layers that are not here, and unpacks them while they arrive.
func (p *pull) fetchLayers(ctx context.Context, layers []*layer) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(maxTransfers)
	seen := map[digest.Digest]bool{}
	for _, l := range layers {
		if seen[l.Digest] {
			continue
		}
		seen[l.Digest] = true
		if ok, err := p.has(ctx, l.Descriptor); err != nil {
			return errors.Join(err, group.Wait())
		} else if ok {
			p.report.send(Event{ID: short(l.Digest), Status: "Already exists"})
			continue
		}
		p.fetched = true
		p.report.send(Event{ID: short(l.Digest), Status: "Pulling fs layer"})
		group.Go(func() error {
			if err := p.blob(gctx, l.Descriptor, p.storeLayer(l)); err != nil {
				return hostile.In(err, "", short(l.Digest))
			}
			p.report.send(Event{ID: short(l.Digest), Status: "Download complete", Current: l.Size, Total: l.Size})
			return nil
		})
	}
	return group.Wait()
}

// storeLayer stores and unpacks a layer whose compression is what the manifest says.
func (p *pull) storeLayer(l *layer) func(context.Context, io.Reader, digest.Digest) (ocispec.Descriptor, error) {
	return func(ctx context.Context, r io.Reader, want digest.Digest) (ocispec.Descriptor, error) {
		actual, _, r, err := unpack.Sniff(r)
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		if promised, _ := config.LayerCompression(l.MediaType); promised != string(actual) {
			return ocispec.Descriptor{}, compressionMismatch(l.MediaType, promised, actual)
		}
		return p.layer(ctx, r, want, actual, true)
	}
}

// document fetches a small blob unless it is there.
func (p *pull) document(ctx context.Context, d ocispec.Descriptor) error {
	if d.Size > p.s.opts.Limits.Document {
		return hostile.Refuse("document-too-large", string(d.Digest), "the registry announces %d bytes, at most %d are allowed", d.Size, p.s.opts.Limits.Document)
	}
	if ok, err := p.has(ctx, d); err != nil || ok {
		return err
	}
	p.fetched = true
	return p.blob(ctx, d, p.Put)
}

// blob fetches one blob and compares size and digest; store puts it where it belongs.
func (p *pull) blob(ctx context.Context, d ocispec.Descriptor, store func(context.Context, io.Reader, digest.Digest) (ocispec.Descriptor, error)) (err error) {
	body, err := p.repo.Fetch(ctx, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	got, err := store(ctx, p.report.watch(short(d.Digest), "Downloading", d.Size, io.LimitReader(body, d.Size+1)), d.Digest)
	if err != nil {
		return err
	}
	if got.Size != d.Size {
		return hostile.Refuse("size-mismatch", string(d.Digest), "it is announced with %d bytes and has %d", d.Size, got.Size)
	}
	return nil
}
