package build

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/buildkit/client"
	apibuild "github.com/moby/moby/api/types/build"
	"golang.org/x/sync/errgroup"
)

// empty says whether there never was a build, so that looking at the cache need not open it.
func (b *Builder) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kit != nil {
		return false
	}
	_, err := os.Stat(filepath.Join(b.opts.Dir, refsDB))
	return errors.Is(err, fs.ErrNotExist)
}

// Usage lists what is in the cache.
func (b *Builder) Usage(ctx context.Context) ([]apibuild.CacheRecord, error) {
	if b.empty() {
		return nil, nil
	}
	kit, err := b.buildkit(ctx)
	if err != nil {
		return nil, err
	}
	list, err := kit.worker.DiskUsage(ctx, client.DiskUsageInfo{})
	if err != nil {
		return nil, err
	}
	var out []apibuild.CacheRecord
	for _, u := range list {
		out = append(out, record(u))
	}
	return out, nil
}

func record(u *client.UsageInfo) apibuild.CacheRecord {
	return apibuild.CacheRecord{
		ID: u.ID, Parents: u.Parents, Type: string(u.RecordType), Description: u.Description, InUse: u.InUse, Shared: u.Shared,
		Size: u.Size, CreatedAt: u.CreatedAt, LastUsedAt: u.LastUsedAt, UsageCount: u.UsageCount,
	}
}

// PruneRequest chooses what Prune removes.
type PruneRequest struct {
	// All removes also what images share, and what is internal to the builder.
	All bool
	// Unused spares what was used in this time.
	Unused time.Duration
	// Reserved bytes are kept, at most MaxUsed remain, and MinFree are left free on the disk; 0 asks for nothing.
	Reserved, MaxUsed, MinFree int64
	// Filter are expressions as BuildKit reads them: "type==exec.cachemount".
	Filter []string
}

// Prune removes from the cache. Images stay.
func (b *Builder) Prune(ctx context.Context, r PruneRequest) (apibuild.CachePruneReport, error) {
	report := apibuild.CachePruneReport{CachesDeleted: []string{}}
	if b.empty() {
		return report, nil
	}
	kit, err := b.buildkit(ctx)
	if err != nil {
		return report, err
	}
	gone := make(chan client.UsageInfo)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(gone)
		return kit.worker.Prune(ctx, gone, client.PruneInfo{
			All: r.All, KeepDuration: r.Unused, ReservedSpace: r.Reserved, MaxUsedSpace: r.MaxUsed, MinFreeSpace: r.MinFree, Filter: r.Filter,
		})
	})
	for u := range gone {
		report.CachesDeleted = append(report.CachesDeleted, u.ID)
		report.SpaceReclaimed += uint64(max(u.Size, 0))
	}
	return report, group.Wait()
}
