package api

import (
	"net/http"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types/volume"
)

func getVolumes(c *call, f engine.Filters) error {
	found, err := c.s.engine.VolumeList(c.ctx(), f)
	if err != nil {
		return err
	}
	found.Volumes, found.Warnings = list(found.Volumes), list(found.Warnings)
	return c.json(http.StatusOK, found)
}

func getVolume(c *call) error {
	found, err := c.s.engine.VolumeInspect(c.ctx(), c.name)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, found)
}

// volumeRequest is a volume to create.
type volumeRequest struct{ volume.CreateRequest }

func (r volumeRequest) object() string { return r.Name }

func decodeVolume(c *call) (volumeRequest, error) {
	r, err := body[volume.CreateRequest](c, nil)
	if err == nil && r.ClusterVolumeSpec != nil {
		err = notManager()
	}
	return volumeRequest{r}, err
}

func postVolume(c *call, r volumeRequest) error {
	made, err := c.s.engine.VolumeCreate(c.ctx(), r.CreateRequest, c.caller)
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, made)
}

// volumeRemove says whether a volume that is not there is no mistake.
type volumeRemove struct{ force bool }

func decodeVolumeRemove(c *call) (volumeRemove, error) {
	return volumeRemove{force: c.q.flag("force")}, nil
}

func deleteVolume(c *call, r volumeRemove) error {
	if err := c.s.engine.VolumeRemove(c.ctx(), c.name, r.force); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

// decodeVolumePrune spares named volumes unless all are asked for; clients
// before API 1.42 ask for all by saying nothing.
func decodeVolumePrune(c *call) (engine.Filters, error) {
	f := c.q.filters()
	if c.version < mkVersion(1, 42) {
		if f == nil {
			f = engine.Filters{}
		}
		f["all"] = []string{"true"}
	}
	return f, nil
}

func pruneVolumes(c *call, f engine.Filters) error {
	report, err := c.s.engine.VolumePrune(c.ctx(), f)
	if err != nil {
		return err
	}
	report.VolumesDeleted = list(report.VolumesDeleted)
	return c.json(http.StatusOK, report)
}
