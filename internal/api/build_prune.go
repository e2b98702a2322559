package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/bailey-run/bailey/internal/build"
	apibuild "github.com/moby/moby/api/types/build"
)

// pruneFilters are the names by which clients choose, and BuildKit's names for them.
var pruneFilters = map[string]string{
	"id": "id", "parents": "parent", "parent": "parent", "type": "type", "description": "description", "inuse": "inuse",
	"shared": "shared", "private": "private",
}

func decodeBuildPrune(c *call) (r build.PruneRequest, err error) {
	r.All = c.q.flag("all")
	sizes := []struct {
		key string
		to  *int64
	}{{"keep-storage", &r.Reserved}, {"reserved-space", &r.Reserved}, {"max-used-space", &r.MaxUsed}, {"min-free-space", &r.MinFree}}
	for _, s := range sizes {
		if text := c.q.text(s.key); text != "" {
			if *s.to, err = strconv.ParseInt(text, 10, 64); err != nil || *s.to < 0 {
				return r, invalid("the parameter %s must be a number of bytes", s.key)
			}
		}
	}
	filters, err := decodeFilters(c)
	if err != nil {
		return r, err
	}
	for key, values := range filters {
		for _, v := range values {
			switch key {
			case "until", "unused-for":
				if r.Unused, err = time.ParseDuration(v); err != nil {
					return r, invalid("filter %s=%.32q is not a duration such as 24h", key, v)
				}
			default:
				name, ok := pruneFilters[key]
				if !ok {
					return r, invalid("there is no filter %.32q for the build cache", key)
				}
				r.Filter = append(r.Filter, name+"=="+strconv.Quote(v))
			}
		}
	}
	return r, nil
}

func postBuildPrune(c *call, r build.PruneRequest) error {
	if c.s.builder == nil { // no cache, and `docker system prune` wants an answer
		return c.json(http.StatusOK, apibuild.CachePruneReport{CachesDeleted: []string{}})
	}
	report, err := c.s.builder.Prune(c.ctx(), r)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, report)
}

// buildUsage sums up the build cache. What images share with it is theirs.
func buildUsage(c *call) (*apibuild.DiskUsage, error) {
	list, err := c.s.builder.Usage(c.ctx())
	if err != nil {
		return nil, err
	}
	u := &apibuild.DiskUsage{Items: list, TotalCount: int64(len(list))}
	for _, r := range list {
		if r.InUse {
			u.ActiveCount++
		}
		if r.Shared {
			continue
		}
		u.TotalSize += r.Size
		if !r.InUse {
			u.Reclaimable += r.Size
		}
	}
	return u, nil
}
