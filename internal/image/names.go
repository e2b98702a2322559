package image

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/metadata/boltutil"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	bolt "go.etcd.io/bbolt"

	"github.com/bailey-run/bailey/internal/durable"
	"github.com/bailey-run/bailey/internal/image/refs"
)

// unnamed is the prefix of the names of images that have none: the database knows images by name only.
const unnamed = "unnamed@"

// naming is a target and the names it is to get; none leaves it unnamed.
type naming struct {
	target ocispec.Descriptor
	names  []refs.Name
}

// readNames fills the index of names from the database.
func (s *Store) readNames(ctx context.Context) error {
	list, err := s.images.List(ctx)
	if err != nil {
		return fmt.Errorf("read the names of images: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = make(map[string]images.Image, len(list))
	for _, img := range list {
		s.names[img.Name] = img
	}
	return nil
}

// publish puts everything that a session wrote on stable storage and then gives the names, all or none.
func (x *session) publish(ctx context.Context, namings []naming) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// One call for all files of all layers.
	if err := durable.SyncAll(x.s.opts.Root); err != nil {
		return err
	}
	err := x.s.rename(ctx, func(ctx context.Context, e *edit) error {
		for _, n := range namings {
			if err := e.name(ctx, n); err != nil {
				return err
			}
		}
		return x.s.leases.Delete(ctx, x.lease)
	})
	x.named = err == nil
	return err
}

// moved tells which names will be taken from other images, in words: an archive brings its own names, and may so replace what
// somebody trusts.
func (s *Store) moved(namings []naming) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []string
	for _, n := range namings {
		for _, name := range n.names {
			if old, had := s.names[name.String()]; had && old.Target.Digest != n.target.Digest {
				out = append(out, fmt.Sprintf("Warning: %s is now another image; the one that had this name is %s", name.Familiar(), short(old.Target.Digest)))
			}
		}
	}
	return out
}

// edit is a change of names within one transaction.
type edit struct {
	s     *Store
	names map[string]images.Image
}

// rename runs change in a transaction of its own and takes its result into the index when it was committed.
func (s *Store) rename(ctx context.Context, change func(ctx context.Context, e *edit) error) error {
	s.edits.Lock()
	defer s.edits.Unlock()
	s.mu.RLock()
	e := &edit{s: s, names: maps.Clone(s.names)}
	s.mu.RUnlock()
	var refused error
	err := s.db.Update(func(tx *bolt.Tx) error {
		refused = change(boltutil.WithTransaction(ctx, tx), e)
		return refused
	})
	if refused != nil {
		return refused
	}
	if err != nil {
		return fmt.Errorf("write the names of images: %w", err)
	}
	s.mu.Lock()
	s.names = e.names
	s.mu.Unlock()
	return nil
}

// of lists the names that point to a target.
func (e *edit) of(id digest.Digest) []string {
	var out []string
	for name, img := range e.names {
		if img.Target.Digest == id {
			out = append(out, name)
		}
	}
	return out
}

// name gives names to a target. An image that loses its last name by this stays, unnamed.
func (e *edit) name(ctx context.Context, n naming) error {
	for _, name := range n.names {
		old, had := e.names[name.String()]
		if err := e.set(ctx, name.String(), n.target); err != nil {
			return err
		}
		if had && old.Target.Digest != n.target.Digest && len(e.of(old.Target.Digest)) == 0 {
			if err := e.set(ctx, unnamed+old.Target.Digest.String(), old.Target); err != nil {
				return err
			}
		}
	}
	placeholder := unnamed + n.target.Digest.String()
	if len(e.of(n.target.Digest)) == 0 {
		return e.set(ctx, placeholder, n.target)
	}
	if _, had := e.names[placeholder]; had && len(n.names) > 0 {
		return e.drop(ctx, placeholder)
	}
	return nil
}

// set points a name to a target.
func (e *edit) set(ctx context.Context, name string, target ocispec.Descriptor) error {
	// Annotations came with the archive or the registry and are of no further use; data would be a second copy.
	target = ocispec.Descriptor{MediaType: target.MediaType, Digest: target.Digest, Size: target.Size}
	img, err := e.s.images.Create(ctx, images.Image{Name: name, Target: target})
	if errdefs.IsAlreadyExists(err) {
		img, err = e.s.images.Update(ctx, images.Image{Name: name, Target: target}, "target")
	}
	if err != nil {
		return fmt.Errorf("set name %s: %w", name, err)
	}
	e.names[name] = img
	return nil
}

// drop takes a name away.
func (e *edit) drop(ctx context.Context, name string) error {
	if err := e.s.images.Delete(ctx, name); err != nil {
		return fmt.Errorf("drop name %s: %w", name, err)
	}
	delete(e.names, name)
	return nil
}

// isUnnamed reports whether a name of the database stands for none.
func isUnnamed(name string) bool { return strings.HasPrefix(name, unnamed) }
