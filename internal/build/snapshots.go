package build

import (
	"context"
	"strings"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/moby/buildkit/snapshot"
)

// verified shows BuildKit the layers of images under its own names. BuildKit calls a layer whose content was compared
// with its digest by a name of its own, because older versions of it kept unverified ones under the chain id. In this
// store nothing is kept under a chain id that was not compared (image/unpack), so that both names mean the same files.
type verified struct{ snapshots.Snapshotter }

// ours is the store's name of a snapshot.
func ours(key string) string {
	if chain, ok := snapshot.ParseLayerSnapshotID(key); ok {
		return chain.String()
	}
	return key
}

// Stat looks a snapshot up.
func (v verified) Stat(ctx context.Context, key string) (snapshots.Info, error) {
	info, err := v.Snapshotter.Stat(ctx, ours(key))
	if err == nil && info.Name == ours(key) {
		info.Name = key
	}
	return info, err
}

// Update changes labels.
func (v verified) Update(ctx context.Context, info snapshots.Info, fields ...string) (snapshots.Info, error) {
	info.Name = ours(info.Name)
	return v.Snapshotter.Update(ctx, info, fields...)
}

// Usage is what a snapshot takes.
func (v verified) Usage(ctx context.Context, key string) (snapshots.Usage, error) {
	return v.Snapshotter.Usage(ctx, ours(key))
}

// Mounts says how to mount a snapshot.
func (v verified) Mounts(ctx context.Context, key string) ([]mount.Mount, error) {
	return v.Snapshotter.Mounts(ctx, ours(key))
}

// Prepare makes a snapshot that can be written.
func (v verified) Prepare(ctx context.Context, key, parent string, opts ...snapshots.Opt) ([]mount.Mount, error) {
	return v.Snapshotter.Prepare(ctx, ours(key), ours(parent), opts...)
}

// View makes one that can be read.
func (v verified) View(ctx context.Context, key, parent string, opts ...snapshots.Opt) ([]mount.Mount, error) {
	return v.Snapshotter.View(ctx, ours(key), ours(parent), opts...)
}

// Commit ends the writing to a snapshot.
func (v verified) Commit(ctx context.Context, name, key string, opts ...snapshots.Opt) error {
	return v.Snapshotter.Commit(ctx, ours(name), ours(key), opts...)
}

// Remove removes a snapshot.
func (v verified) Remove(ctx context.Context, key string) error {
	return v.Snapshotter.Remove(ctx, ours(key))
}

// verifiedLeases names snapshots in leases as the store does.
type verifiedLeases struct {
	leases.Manager
	snapshotter string
}

func (v verifiedLeases) ours(r leases.Resource) leases.Resource {
	if strings.HasPrefix(r.Type, "snapshots/") {
		r.ID = ours(r.ID)
	}
	return r
}

// AddResource protects something.
func (v verifiedLeases) AddResource(ctx context.Context, l leases.Lease, r leases.Resource) error {
	return v.Manager.AddResource(ctx, l, v.ours(r))
}

// DeleteResource gives something up.
func (v verifiedLeases) DeleteResource(ctx context.Context, l leases.Lease, r leases.Resource) error {
	return v.Manager.DeleteResource(ctx, l, v.ours(r))
}
