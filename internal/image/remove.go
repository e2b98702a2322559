package image

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/refs"
)

// Remove takes a name away, and the image with its last name. An image asked for by id loses all its names, if they are of
// one repository or Force is set. An image that containers use stays: Remove returns *InUseError, or with Force takes the
// names and leaves the rest until the containers are gone.
func (s *Store) Remove(ctx context.Context, ref string, opts RemoveOptions) ([]Deleted, error) {
	ctx = s.context(ctx)
	target, name, err := s.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	users := s.opts.InUse(target.Digest)
	var out []Deleted
	gone := false
	err = s.rename(ctx, func(ctx context.Context, e *edit) error {
		out, gone = nil, false
		doomed, err := e.doomed(target.Digest, ref, name, opts.Force)
		if err != nil {
			return err
		}
		gone = len(doomed) == len(e.of(target.Digest))
		if gone && len(users) > 0 {
			if !opts.Force {
				return &InUseError{Ref: ref, Containers: users}
			}
			gone = false
			if err := e.set(ctx, unnamed+target.Digest.String(), target); err != nil {
				return err
			}
			doomed = slices.DeleteFunc(doomed, isUnnamed)
		}
		for _, n := range doomed {
			if err := e.drop(ctx, n); err != nil {
				return err
			}
			if !isUnnamed(n) {
				out = append(out, Deleted{Untagged: familiar(n)})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if gone {
		out = append(out, Deleted{Deleted: target.Digest.String()})
		s.cleanUp(ctx)
	}
	return out, nil
}

// doomed lists the names that a removal takes.
func (e *edit) doomed(id digest.Digest, ref, name string, force bool) ([]string, error) {
	all := e.of(id)
	if len(all) == 0 {
		return nil, &NotFoundError{Ref: ref}
	}
	slices.Sort(all)
	if name != "" {
		if !slices.Contains(all, name) {
			return nil, &NotFoundError{Ref: ref} // it was moved in between
		}
		return []string{name}, nil
	}
	if asked, err := refs.Parse(ref); err == nil && asked.Digest() != "" { // in one repository
		return slices.DeleteFunc(all, func(n string) bool {
			parsed, err := refs.Parse(n)
			return err != nil || isUnnamed(n) || parsed.Repository() != asked.Repository()
		}), nil
	}
	repositories := map[string]bool{}
	for _, n := range all {
		if parsed, err := refs.Parse(n); err == nil && !isUnnamed(n) {
			repositories[parsed.Repository()] = true
		}
	}
	if len(repositories) > 1 && !force {
		var names []string
		for _, n := range all {
			names = append(names, familiar(n))
		}
		return nil, fmt.Errorf("unable to delete %s (must be forced): it has names in several repositories (%s): remove them one by one, or all with --force: %w",
			short(id), strings.Join(names, ", "), errdefs.ErrFailedPrecondition)
	}
	return all, nil
}

// familiar is a name of the database as docker shows it.
func familiar(name string) string {
	if parsed, err := refs.Parse(name); err == nil {
		return parsed.Familiar()
	}
	return name
}

// Prune removes images that no container uses: those without a name, or with All every one.
func (s *Store) Prune(ctx context.Context, opts PruneOptions) (PruneReport, error) {
	ctx = s.context(ctx)
	before, err := s.occupied(ctx)
	if err != nil {
		return PruneReport{}, err
	}
	images, err := s.List(ctx)
	if err != nil {
		return PruneReport{}, err
	}
	var report PruneReport
	for _, img := range images {
		if len(img.Names) > 0 && !opts.All || !opts.fits(img) || len(s.opts.InUse(img.ID)) > 0 {
			continue
		}
		deleted, err := s.pruneOne(ctx, img.ID, opts.All)
		if err != nil {
			return report, err
		}
		report.Deleted = append(report.Deleted, deleted...)
	}
	if err := s.collect(ctx); err != nil {
		return report, err
	}
	after, err := s.occupied(ctx)
	report.Reclaimed = max(0, before-after)
	return report, err
}

// pruneOne takes all names of an image, unless it got one in between and only unnamed images are to go.
func (s *Store) pruneOne(ctx context.Context, id digest.Digest, named bool) (out []Deleted, err error) {
	err = s.rename(ctx, func(ctx context.Context, e *edit) error {
		all := e.of(id)
		if !named && slices.ContainsFunc(all, func(name string) bool { return !isUnnamed(name) }) {
			return nil
		}
		for _, name := range all {
			if err := e.drop(ctx, name); err != nil {
				return err
			}
			if !isUnnamed(name) {
				out = append(out, Deleted{Untagged: familiar(name)})
			}
		}
		out = append(out, Deleted{Deleted: id.String()})
		return nil
	})
	return out, err
}

// fits reports whether the filters leave the image to be removed.
func (o PruneOptions) fits(img Image) bool {
	if !o.Until.IsZero() && !img.Created.Before(o.Until) {
		return false
	}
	has := func(label string) bool {
		key, value, two := strings.Cut(label, "=")
		got, ok := img.Labels[key]
		return ok && (!two || got == value)
	}
	for _, label := range o.Labels {
		if !has(label) {
			return false
		}
	}
	return !slices.ContainsFunc(o.NotLabels, has)
}

// occupied is the disk space of all blobs and layers, in bytes.
func (s *Store) occupied(ctx context.Context) (int64, error) {
	layers, err := s.layerSizes(ctx)
	if err != nil {
		return 0, err
	}
	total, err := s.contentSize(ctx)
	for _, size := range layers {
		total += size
	}
	return total, err
}

// contentSize is the disk space of all blobs, in bytes.
func (s *Store) contentSize(ctx context.Context) (total int64, err error) {
	err = s.blobs.Walk(ctx, func(info content.Info) error {
		total += info.Size
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure the content store: %w", err)
	}
	return total, nil
}

// layerSizes is the disk space of each committed layer by its chain, in bytes.
func (s *Store) layerSizes(ctx context.Context) (map[string]int64, error) {
	var names []string
	err := s.snaps.Walk(ctx, func(_ context.Context, info snapshots.Info) error {
		if info.Kind == snapshots.KindCommitted {
			names = append(names, info.Name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("measure the layers: %w", err)
	}
	sizes := make(map[string]int64, len(names))
	for _, name := range names {
		usage, err := s.snaps.Usage(ctx, name)
		if errdefs.IsNotFound(err) {
			continue // it was removed while we looked
		}
		if err != nil {
			return nil, fmt.Errorf("measure layer %s: %w", name, err)
		}
		sizes[name] = usage.Size
	}
	return sizes, nil
}

// Usage measures the store.
func (s *Store) Usage(ctx context.Context) (Usage, error) {
	ctx = s.context(ctx)
	sizes, err := s.layerSizes(ctx)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{}
	if u.Content, err = s.contentSize(ctx); err != nil {
		return Usage{}, err
	}
	images, err := s.List(ctx)
	if err != nil {
		return Usage{}, err
	}
	chains := map[digest.Digest][]digest.Digest{}
	owners, used := map[string]int{}, map[string]bool{}
	for _, img := range images {
		r, err := s.record(ctx, ocispec.Descriptor{MediaType: img.Descriptor.MediaType, Digest: img.ID, Size: img.Descriptor.Size})
		if err != nil {
			return Usage{}, err
		}
		chains[img.ID] = r.chains
		users := len(s.opts.InUse(img.ID))
		for _, chain := range r.chains {
			owners[chain.String()]++
			used[chain.String()] = used[chain.String()] || users > 0
		}
		u.Images = append(u.Images, ImageUsage{Image: img, Containers: users})
	}
	for i := range u.Images {
		for _, chain := range chains[u.Images[i].Image.ID] {
			if owners[chain.String()] > 1 {
				u.Images[i].Shared += sizes[chain.String()]
			}
		}
	}
	for chain, size := range sizes {
		u.Layers += size
		if !used[chain] {
			u.Reclaimable += size
		}
	}
	return u, nil
}
