package image

import (
	"context"
	"maps"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/diff"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/gc"

	"github.com/bailey-run/bailey/internal/image/refs"
)

// Shared is the inside of the store, for the one other package that keeps layers: a build cache that had a store of
// its own would hold each layer of a base image a second time. All of it lives in the containerd namespace Namespace.
type Shared struct {
	Namespace   string
	Snapshotter string
	Content     content.Store
	Snapshots   snapshots.Snapshotter
	// Leases protect what has no name. Those made here outlive the process; everything else would be removed by Open.
	Leases leases.Manager
	// Images are the names, for reading. They are given by Adopt.
	Images images.Store
	// Applier unpacks a layer as the store itself does, into a snapshot that has just been prepared.
	Applier diff.Applier
	// Collect removes what no name and no lease refers to.
	Collect func(ctx context.Context) (gc.Stats, error)
	// Hosts says how to speak to a registry, without credentials.
	Hosts docker.RegistryHosts
}

// ownerLabel marks leases that Open keeps.
const ownerLabel = "run.bailey.owner"

// Share opens the inside of the store.
func (s *Store) Share() Shared {
	return Shared{
		Namespace: namespace, Snapshotter: snapshotter,
		Content: s.blobs, Snapshots: s.snaps, Images: readOnly{s.images, s.context}, Applier: applier{s},
		Leases: owned{s.leases}, Hosts: s.registry.Hosts,
		Collect: func(ctx context.Context) (gc.Stats, error) {
			err := s.collect(ctx)
			return nil, err
		},
	}
}

// owned marks leases as belonging to somebody who looks after them.
type owned struct{ leases.Manager }

// Create makes a lease that Open keeps.
func (o owned) Create(ctx context.Context, opts ...leases.Opt) (leases.Lease, error) {
	return o.Manager.Create(ctx, append(opts, func(l *leases.Lease) error {
		l.Labels = maps.Clone(l.Labels)
		if l.Labels == nil {
			l.Labels = map[string]string{}
		}
		l.Labels[ownerLabel] = "build"
		return nil
	})...)
}

// DropOwned gives up all leases that were made through Share, for a cache that has lost its memory of them.
func (s *Store) DropOwned(ctx context.Context) error {
	ctx = s.context(ctx)
	list, err := s.leases.List(ctx, `labels."`+ownerLabel+`"`)
	if err != nil {
		return err
	}
	for _, l := range list {
		if err := s.leases.Delete(ctx, l); err != nil {
			return err
		}
	}
	return s.collect(ctx)
}

// readOnly shows names and does not change them: the store keeps an index of them that must not be passed by.
type readOnly struct {
	images.Store
	in func(context.Context) context.Context
}

// Get looks a name up. A name that only stands for none is not found.
func (r readOnly) Get(ctx context.Context, name string) (images.Image, error) {
	if n, err := refs.Parse(name); err == nil && n.Digest() == "" {
		name = n.String()
	}
	return r.Store.Get(r.in(ctx), name)
}

// List lists the names.
func (r readOnly) List(ctx context.Context, filters ...string) ([]images.Image, error) {
	return r.Store.List(r.in(ctx), filters...)
}

// Create is refused.
func (readOnly) Create(context.Context, images.Image) (images.Image, error) {
	return images.Image{}, errNamesElsewhere
}

// Update is refused.
func (readOnly) Update(context.Context, images.Image, ...string) (images.Image, error) {
	return images.Image{}, errNamesElsewhere
}

// Delete is refused.
func (readOnly) Delete(context.Context, string, ...images.DeleteOpt) error { return errNamesElsewhere }
