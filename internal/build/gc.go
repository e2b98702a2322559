package build

import (
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/disk"
)

// How much of the disk the cache may take, in bytes and as a part of the disk.
const (
	keepAlways  = 2 << 30
	keepAtMost  = 32 << 30
	partAtMost  = 8 // an eighth of the disk
	partFree    = 8 // as much is left free
	sourcesTime = 48 * time.Hour
	idleTime    = 60 * 24 * time.Hour
)

// gcPolicy says what of the cache is removed after a build: first what is easily had again, then what was not used for
// long, then whatever is too much.
func gcPolicy(dir string) []client.PruneInfo {
	most, free := int64(keepAtMost), int64(0)
	if stat, err := disk.GetDiskStat(dir); err == nil && stat.Total > 0 {
		most, free = min(most, stat.Total/partAtMost), stat.Total/partFree
	}
	limits := client.PruneInfo{ReservedSpace: min(keepAlways, most), MaxUsedSpace: most, MinFreeSpace: free}
	idle, all := limits, limits
	idle.KeepDuration = idleTime
	all.All = true
	return []client.PruneInfo{
		{Filter: []string{"type==source.local", "type==exec.cachemount", "type==source.git.checkout"}, KeepDuration: sourcesTime, MaxUsedSpace: 512 << 20},
		idle, limits, all,
	}
}
