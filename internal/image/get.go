package image

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/refs"
)

// record is what is known of a target without its names; it never changes.
type record struct {
	img    Image
	chains []digest.Digest
	sizes  []int64 // of the layers, unpacked; filled by Store.record
}

// newRecord describes a tree that was read.
func newRecord(t *tree, cfg dockerspec.DockerOCIImage) *record {
	r := &record{img: Image{
		ID: t.target.Digest, Descriptor: ocispec.Descriptor{MediaType: t.target.MediaType, Digest: t.target.Digest, Size: t.target.Size},
		Manifest: t.manifest.Digest, ConfigDigest: t.config, Platform: cfg.Platform, Config: cfg, DiffIDs: cfg.RootFS.DiffIDs, Labels: cfg.Config.Labels,
	}}
	if cfg.Created != nil {
		r.img.Created = *cfg.Created
	}
	for _, l := range t.layers {
		r.chains = append(r.chains, l.chain)
	}
	return r
}

// record reads the description of a target, from memory when it can.
func (s *Store) record(ctx context.Context, target ocispec.Descriptor) (*record, error) {
	if r, ok := s.records.Load(target.Digest); ok {
		return r.(*record), nil
	}
	t, err := s.readTree(ctx, target, ocispec.Platform{}, func(ctx context.Context, id digest.Digest) ([]byte, error) {
		return s.document(ctx, id, s.opts.Limits.Document)
	})
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", target.Digest, err)
	}
	r := t.record
	for i, chain := range r.chains {
		usage, err := s.snaps.Usage(ctx, chain.String())
		if err != nil {
			return nil, fmt.Errorf("image %s: size of layer %s: %w", target.Digest, r.img.DiffIDs[i], err)
		}
		r.sizes = append(r.sizes, usage.Size)
		r.img.Size += usage.Size
	}
	s.records.Store(target.Digest, r)
	return r, nil
}

// image joins a record with the names that point to it.
func (r *record) image(names []images.Image) Image {
	img := r.img
	digests := map[string]bool{}
	for _, n := range names {
		if n.UpdatedAt.After(img.Tagged) {
			img.Tagged = n.UpdatedAt
		}
		if isUnnamed(n.Name) {
			continue
		}
		img.Names = append(img.Names, n.Name)
		name, err := refs.Parse(n.Name)
		if err != nil {
			continue
		}
		if name.Tag() != "" && name.Digest() == "" {
			img.RepoTags = append(img.RepoTags, name.Familiar())
		}
		digests[name.Repository()+"@"+img.ID.String()] = true
	}
	for d := range digests {
		img.RepoDigests = append(img.RepoDigests, d)
	}
	sort.Strings(img.Names)
	sort.Strings(img.RepoTags)
	sort.Strings(img.RepoDigests)
	return img
}

// Get finds an image by name, by id, by the beginning of an id (at least 4 hex digits), or by the digest of its
// configuration. It returns *NotFoundError or *AmbiguousError.
func (s *Store) Get(ctx context.Context, ref string) (Image, error) {
	target, _, err := s.resolve(s.context(ctx), ref)
	if err != nil {
		return Image{}, err
	}
	return s.describe(s.context(ctx), target)
}

// describe is the image of a target with its names of this moment.
func (s *Store) describe(ctx context.Context, target ocispec.Descriptor) (Image, error) {
	r, err := s.record(ctx, target)
	if err != nil {
		return Image{}, err
	}
	return r.image(s.namesOf(target.Digest)), nil
}

// namesOf lists the entries of the index that point to a target.
func (s *Store) namesOf(id digest.Digest) []images.Image {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []images.Image
	for _, img := range s.names {
		if img.Target.Digest == id {
			out = append(out, img)
		}
	}
	return out
}

// resolve finds the target that ref means; name is the full name when ref is one, "" when it is an id. The order is Docker's:
// a whole id first, then names, then the beginning of an id.
func (s *Store) resolve(ctx context.Context, ref string) (target ocispec.Descriptor, name string, err error) {
	hex, isID := refs.ID(ref)
	if isID && (len(hex) == 64 || strings.HasPrefix(ref, "sha256:")) {
		target, err = s.byID(ctx, ref, hex)
		return target, "", err
	}
	if parsed, perr := refs.Parse(ref); perr == nil {
		s.mu.RLock()
		img, ok := s.names[parsed.String()]
		s.mu.RUnlock()
		if ok {
			return img.Target, img.Name, nil
		}
		if parsed.Digest() != "" {
			target, err = s.byRepoDigest(ref, parsed)
			return target, "", err
		}
	} else if !isID {
		return target, "", perr
	}
	if isID {
		target, err = s.byID(ctx, ref, hex)
		return target, "", err
	}
	return target, "", &NotFoundError{Ref: ref}
}

// targets lists each target once, with its names.
func (s *Store) targets() map[digest.Digest][]images.Image {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := map[digest.Digest][]images.Image{}
	for _, img := range s.names {
		out[img.Target.Digest] = append(out[img.Target.Digest], img)
	}
	return out
}

// byID finds the one target whose digest, or failing that the digest of whose configuration, begins with hex.
func (s *Store) byID(ctx context.Context, ref, hex string) (ocispec.Descriptor, error) {
	var found, classic []ocispec.Descriptor
	for id, names := range s.targets() {
		if strings.HasPrefix(id.Encoded(), hex) {
			found = append(found, names[0].Target)
		} else if r, err := s.record(ctx, names[0].Target); err == nil && strings.HasPrefix(r.img.ConfigDigest.Encoded(), hex) {
			classic = append(classic, names[0].Target)
		}
	}
	if len(found) == 0 {
		found = classic
	}
	switch len(found) {
	case 0:
		return ocispec.Descriptor{}, &NotFoundError{Ref: ref}
	case 1:
		return found[0], nil
	}
	var ids []string
	for _, d := range found {
		ids = append(ids, short(d.Digest))
	}
	sort.Strings(ids)
	return ocispec.Descriptor{}, &AmbiguousError{Ref: ref, IDs: ids}
}

// byRepoDigest finds the target with the digest of name, if any name of its repository points to it.
func (s *Store) byRepoDigest(ref string, name refs.Name) (ocispec.Descriptor, error) {
	for _, img := range s.namesOf(name.Digest()) {
		other, err := refs.Parse(img.Name)
		if err == nil && !isUnnamed(img.Name) && other.Repository() == name.Repository() {
			return img.Target, nil
		}
	}
	return ocispec.Descriptor{}, &NotFoundError{Ref: ref}
}

// List returns all images, newest first; images that several names share appear once.
func (s *Store) List(ctx context.Context) ([]Image, error) {
	ctx = s.context(ctx)
	var out []Image
	for _, names := range s.targets() {
		r, err := s.record(ctx, names[0].Target)
		if errors.Is(err, errdefs.ErrNotFound) && len(s.namesOf(names[0].Target.Digest)) == 0 {
			continue // it was removed while we looked
		}
		if err != nil {
			// One damaged image must not hide the others; its names stay visible so that it can be removed.
			s.log.Error("an image is damaged", "image", names[0].Target.Digest, "error", err)
			r = &record{img: Image{ID: names[0].Target.Digest, Descriptor: names[0].Target}}
		}
		out = append(out, r.image(names))
	}
	slices.SortFunc(out, func(a, b Image) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	return out, nil
}

// Tag gives an image one more name; a name that pointed elsewhere is moved.
func (s *Store) Tag(ctx context.Context, ref, name string) error {
	ctx = s.context(ctx)
	target, _, err := s.resolve(ctx, ref)
	if err != nil {
		return err
	}
	parsed, err := refs.ParseTag(name)
	if err != nil {
		return err
	}
	return s.rename(ctx, func(ctx context.Context, e *edit) error {
		if len(e.of(target.Digest)) == 0 {
			return &NotFoundError{Ref: ref} // it was removed in between
		}
		return e.name(ctx, naming{target: target, names: []refs.Name{parsed}})
	})
}

// History returns how the image was built, newest step first.
func (s *Store) History(ctx context.Context, ref string) ([]HistoryEntry, error) {
	ctx = s.context(ctx)
	target, _, err := s.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	r, err := s.record(ctx, target)
	if err != nil {
		return nil, err
	}
	var out []HistoryEntry
	next := 0
	for _, h := range r.img.Config.History {
		entry := HistoryEntry{CreatedBy: h.CreatedBy, Comment: h.Comment}
		if h.Created != nil {
			entry.Created = *h.Created
		}
		if !h.EmptyLayer && next < len(r.sizes) {
			entry.Size = r.sizes[next]
			next++
		}
		out = append(out, entry)
	}
	for ; next < len(r.sizes); next++ {
		out = append(out, HistoryEntry{Created: r.img.Created.In(time.UTC), Comment: "layer without history", Size: r.sizes[next]})
	}
	slices.Reverse(out)
	if len(out) > 0 {
		img := r.image(s.namesOf(target.Digest))
		out[0].ID, out[0].Tags = img.ID, img.RepoTags
	}
	return out, nil
}
