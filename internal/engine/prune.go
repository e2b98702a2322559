package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/bailey-run/bailey/internal/engine/space"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime/quota"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
)

// Prune removes every container that does not run and matches.
func (e *Engine) Prune(ctx context.Context, f Filters) (PruneReport, error) {
	var out PruneReport
	if err := checkFilters(f, []string{"label", "label!", "until"}); err != nil {
		return out, err
	}
	for _, c := range e.all() {
		rec := c.record()
		if s := rec.State.Status; s != store.Created && s != store.Exited && s != store.Dead {
			continue
		}
		ok, err := e.matches(f, &rec, e.apiState(c, &rec))
		if err != nil {
			return out, err
		}
		if !ok {
			continue
		}
		size, _ := e.sizes(&rec)
		err = e.Remove(ctx, rec.ID, RemoveOptions{})
		if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
			continue // somebody else was faster
		}
		if err != nil {
			return out, err
		}
		out.Deleted = append(out.Deleted, rec.ID)
		out.SpaceReclaimed += uint64(size)
	}
	e.events.Publish(events.ContainerEventType, events.ActionPrune, "", map[string]string{"reclaimed": fmt.Sprint(out.SpaceReclaimed)})
	return out, nil
}

// sizes returns the bytes a container wrote, and those with its image.
func (e *Engine) sizes(rec *store.Container) (rw, root int64) {
	ctx, cancel := context.WithTimeout(e.ctx, time.Second)
	defer cancel()
	use, _ := space.Walk(ctx, e.upperDir(rec.ID), quota.Cap{}) // what was found in time
	rw, root = use.Bytes, use.Bytes
	if img, err := e.opts.Images.Get(ctx, rec.ImageID); err == nil {
		root += img.Size
	}
	return rw, root
}

func (e *Engine) logPath(id string) string {
	return filepath.Join(e.containerDir(id), "log.json")
}
