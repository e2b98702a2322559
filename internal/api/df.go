package api

import (
	"net/http"
	"slices"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"
)

// usageRequest is which kinds of objects to look at, and how much to tell.
type usageRequest struct {
	objects []system.DiskUsageObject
	verbose bool
}

var usageObjects = []system.DiskUsageObject{system.ContainerObject, system.ImageObject, system.VolumeObject, system.BuildCacheObject}

func decodeUsage(c *call) (usageRequest, error) {
	r := usageRequest{verbose: c.q.flag("verbose")}
	for _, name := range c.q.list("type") {
		object := system.DiskUsageObject(name)
		if !slices.Contains(usageObjects, object) {
			return r, invalid("unknown object type: %s", shorten(name))
		}
		r.objects = append(r.objects, object)
	}
	if r.objects == nil {
		r.objects = usageObjects
	}
	return r, nil
}

// oldUsage is the answer before API 1.52. A kind that was not asked for is left out.
type oldUsage struct {
	LayersSize int64               `json:"LayersSize,omitempty"`
	Images     []oldImage          `json:"Images,omitzero"`
	Containers []container.Summary `json:"Containers,omitzero"`
	Volumes    []volume.Volume     `json:"Volumes,omitzero"`
	BuildCache []build.CacheRecord `json:"BuildCache,omitzero"`
}

// oldImage has the size twice: clients before API 1.44 look for the second.
type oldImage struct {
	image.Summary
	VirtualSize int64 `json:",omitempty"`
}

func getUsage(c *call, r usageRequest) error {
	u, err := c.s.engine.DiskUsage(c.ctx(), r.objects)
	if err != nil {
		return err
	}
	if c.s.builder != nil && slices.Contains(r.objects, system.BuildCacheObject) {
		if u.BuildCacheUsage, err = buildUsage(c); err != nil {
			return err
		}
	}
	if c.version < mkVersion(1, 52) {
		return c.json(http.StatusOK, usageBefore152(c.version, u))
	}
	if !r.verbose {
		u = withoutItems(u)
	}
	return c.json(http.StatusOK, u)
}

func usageBefore152(v version, u system.DiskUsage) oldUsage {
	var old oldUsage
	if u.ImageUsage != nil {
		old.LayersSize = u.ImageUsage.TotalSize
		old.Images = list(oldImages(v, u.ImageUsage.Items))
	}
	if u.ContainerUsage != nil {
		old.Containers = list(u.ContainerUsage.Items)
	}
	if u.VolumeUsage != nil {
		old.Volumes = withUsage(u.VolumeUsage.Items)
	}
	if u.BuildCacheUsage != nil {
		old.BuildCache = list(u.BuildCacheUsage.Items)
	}
	return old
}

// withUsage gives every volume its usage, -1 where it is not known: the docker
// command line before 29 fails without.
func withUsage(items []volume.Volume) []volume.Volume {
	out := make([]volume.Volume, len(items))
	for i, v := range items {
		if v.UsageData == nil {
			v.UsageData = &volume.UsageData{RefCount: -1, Size: -1}
		}
		out[i] = v
	}
	return out
}

func oldImages(v version, items []image.Summary) []oldImage {
	out := make([]oldImage, len(items))
	for i, item := range items {
		out[i].Summary = item
		if v < mkVersion(1, 44) {
			out[i].VirtualSize = item.Size
		}
	}
	return out
}

// withoutItems keeps the sums only; the engine's own value is left as it is.
func withoutItems(u system.DiskUsage) system.DiskUsage {
	if u.ImageUsage != nil {
		sums := *u.ImageUsage
		sums.Items, u.ImageUsage = nil, &sums
	}
	if u.ContainerUsage != nil {
		sums := *u.ContainerUsage
		sums.Items, u.ContainerUsage = nil, &sums
	}
	if u.VolumeUsage != nil {
		sums := *u.VolumeUsage
		sums.Items, u.VolumeUsage = nil, &sums
	}
	if u.BuildCacheUsage != nil {
		sums := *u.BuildCacheUsage
		sums.Items, u.BuildCacheUsage = nil, &sums
	}
	return u
}
