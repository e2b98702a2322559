package image

import (
	"context"
	"fmt"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/refs"
	"github.com/bailey-run/bailey/internal/image/registry"
)

// Push sends an image to the registry that its name tells. Of a multi-platform image that is not complete on this node, only
// the variant that is here is sent, and the tag points to it.
func (s *Store) Push(ctx context.Context, ref string, opts PushOptions, progress Progress) error {
	name, err := refs.ParseTag(ref)
	if err != nil {
		return err
	}
	ctx, x, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer x.end(ctx)
	s.mu.RLock()
	img, ok := s.names[name.String()]
	s.mu.RUnlock()
	if !ok {
		return &NotFoundError{Ref: ref}
	}
	held, err := x.holding(ctx, img.Target)
	if err != nil {
		return fmt.Errorf("push %s: %w", ref, err)
	}
	repo, err := s.registry.Open(name, opts.Auth)
	if err != nil {
		return err
	}
	defer repo.Close()
	p := &push{session: x, repo: repo, report: &reporter{to: progress}, root: held.Target}
	p.report.send(Event{Status: "The push refers to repository [" + name.Host() + "/" + name.Path() + "]"})
	if !held.complete {
		p.report.send(Event{Status: "Only the variant for this machine is here, and only it is sent"})
	}
	if !held.complete || opts.Platform != nil {
		p.root, held.complete = held.manifest, false
	}
	if err := p.send(ctx, held); err != nil {
		return err
	}
	p.report.send(Event{Status: fmt.Sprintf("%s: digest: %s size: %d", name.Tag(), p.root.Digest, p.root.Size)})
	p.report.send(Event{ID: name.Tag(), Pushed: &p.root})
	return nil
}

// push is one push.
type push struct {
	*session
	repo   *registry.Repository
	report *reporter
	root   ocispec.Descriptor
}

// send sends blobs first, then manifests, then the root: a registry takes a manifest only when it has what it lists.
func (p *push) send(ctx context.Context, held *holding) error {
	var documents []ocispec.Descriptor
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(maxTransfers)
	for _, d := range held.Blobs {
		switch {
		case d.Digest == p.root.Digest, config.IsIndex(d.MediaType):
		case config.IsManifest(d.MediaType):
			documents = append(documents, d)
		default:
			group.Go(func() error { return p.one(gctx, d) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if held.complete {
		for _, d := range documents {
			if err := p.one(ctx, d); err != nil {
				return err
			}
		}
	}
	return p.one(ctx, p.root)
}

// one sends one blob.
func (p *push) one(ctx context.Context, d ocispec.Descriptor) error {
	blob, err := p.s.blobs.ReaderAt(ctx, d)
	if err != nil {
		return fmt.Errorf("read blob %s: %w", d.Digest, err)
	}
	defer func() { _ = blob.Close() }()
	section := io.NewSectionReader(blob, 0, blob.Size())
	body := struct {
		io.Reader
		io.Seeker
	}{p.report.watch(short(d.Digest), "Pushing", d.Size, section), section}
	existed, err := p.repo.Push(ctx, p.root, d, body)
	if err != nil {
		return err
	}
	status := "Pushed"
	if existed {
		status = "Layer already exists"
	}
	p.report.send(Event{ID: short(d.Digest), Status: status, Current: d.Size, Total: d.Size})
	return nil
}
