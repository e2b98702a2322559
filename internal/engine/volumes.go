package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/engine/translate"
	"github.com/bailey-run/bailey/internal/engine/volume"
	"github.com/bailey-run/bailey/internal/runtime/quota"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
	apivolume "github.com/moby/moby/api/types/volume"
)

// VolumeCreate makes a volume, or returns the one that has the name. Options
// that are given for that one are its from now on: so is a full volume enlarged.
func (e *Engine) VolumeCreate(_ context.Context, r apivolume.CreateRequest, caller sandbox.Caller) (apivolume.Volume, error) {
	if r.ClusterVolumeSpec != nil {
		return apivolume.Volume{}, fmt.Errorf("cluster volumes are not supported: %w", errdefs.ErrNotImplemented)
	}
	want, err := translate.DiskOptions(r.DriverOpts)
	if err != nil {
		return apivolume.Volume{}, err
	}
	decided, err := sandbox.DecideVolume(want, *e.policy.Load(), caller, e.opts.Facts)
	if err != nil {
		return apivolume.Volume{}, refusal(err)
	}
	v, made, err := e.volumes.Create(volume.Request{
		Name: r.Name, Driver: r.Driver, Options: r.DriverOpts, Labels: r.Labels, Cap: quota.Cap(decided),
	})
	if err == nil && !made && want != (sandbox.DiskCap{}) {
		v, err = e.volumes.Resize(v.Name, quota.Cap(decided), r.DriverOpts)
	}
	if err != nil {
		return apivolume.Volume{}, err
	}
	if made {
		e.emitVolume(v.Name, events.ActionCreate)
	}
	return e.apiVolume(v), nil
}

// VolumeInspect shows one volume.
func (e *Engine) VolumeInspect(_ context.Context, name string) (apivolume.Volume, error) {
	v, err := e.volumes.Get(name)
	return e.apiVolume(v), err
}

// VolumeList shows the volumes that are wanted.
func (e *Engine) VolumeList(_ context.Context, f Filters) (apivolume.ListResponse, error) {
	out := apivolume.ListResponse{Volumes: []apivolume.Volume{}}
	if err := checkFilters(f, []string{"dangling", "driver", "label", "label!", "name"}); err != nil {
		return out, err
	}
	for _, v := range e.volumes.List() {
		if e.volumeMatches(f, v) {
			out.Volumes = append(out.Volumes, e.apiVolume(v))
		}
	}
	return out, nil
}

// VolumeRemove deletes a volume with its data. Force makes a missing one no error.
func (e *Engine) VolumeRemove(_ context.Context, name string, force bool) error {
	if users := e.volumeUsers(name); len(users) > 0 {
		return fmt.Errorf("remove %s: volume is in use by %s: remove the container first: %w", name, strings.Join(users, ", "), errdefs.ErrConflict)
	}
	err := e.dropVolume(name)
	if errdefs.IsNotFound(err) && force {
		return nil
	}
	if err == nil {
		e.emitVolume(name, events.ActionDestroy)
	}
	return err
}

// VolumePrune deletes volumes that no container uses: the anonymous ones, and
// with the filter all=true the named ones too.
func (e *Engine) VolumePrune(ctx context.Context, f Filters) (apivolume.PruneReport, error) {
	var out apivolume.PruneReport
	if err := checkFilters(f, []string{"all", "label", "label!"}); err != nil {
		return out, err
	}
	all := slices.ContainsFunc(f["all"], func(v string) bool { return v == "true" || v == "1" })
	labels := Filters{"label": f["label"], "label!": f["label!"]}
	for _, v := range e.volumes.List() {
		if !v.Anonymous && !all || len(e.volumeUsers(v.Name)) > 0 || !e.volumeMatches(labels, v) {
			continue
		}
		size, _ := e.volumes.Size(ctx, v.Name)
		if err := e.VolumeRemove(ctx, v.Name, false); err != nil {
			return out, err
		}
		out.VolumesDeleted = append(out.VolumesDeleted, v.Name)
		out.SpaceReclaimed += uint64(size)
	}
	e.events.Publish(events.VolumeEventType, events.ActionPrune, "", map[string]string{"reclaimed": fmt.Sprint(out.SpaceReclaimed)})
	return out, nil
}

func (e *Engine) dropVolume(name string) error {
	e.watcher.forget(e.volumes.Path(name))
	return e.volumes.Remove(name)
}

func (e *Engine) volumeMatches(f Filters, v store.Volume) bool {
	for key, values := range f {
		if len(values) == 0 {
			continue
		}
		ok := slices.ContainsFunc(values, func(want string) bool {
			switch key {
			case "name":
				return strings.Contains(v.Name, want)
			case "driver":
				return want == "local"
			case "dangling":
				return (want == "true" || want == "1") == (len(e.volumeUsers(v.Name)) == 0)
			}
			return hasLabel(v.Labels, want)
		})
		if key == "label!" {
			ok = !ok
		}
		if !ok {
			return false
		}
	}
	return true
}

func (e *Engine) apiVolume(v store.Volume) apivolume.Volume {
	out := apivolume.Volume{
		Name: v.Name, Driver: "local", Scope: "local", Labels: maps.Clone(v.Labels), Options: v.Options,
		CreatedAt: v.Created.Format(time.RFC3339), Mountpoint: e.volumes.Path(v.Name),
	}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	if v.Anonymous {
		out.Labels["com.docker.volume.anonymous"] = ""
	}
	return out
}

func (e *Engine) emitVolume(name string, action events.Action) {
	e.events.Publish(events.VolumeEventType, action, name, map[string]string{"driver": "local"})
}
