package api

import (
	"net/http"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/bailey-run/bailey/internal/image"
	apiimage "github.com/moby/moby/api/types/image"
)

func decodeImages(c *call) (engine.ImageListOptions, error) {
	if c.q.flag("identity") && !c.q.flag("manifests") {
		return engine.ImageListOptions{}, invalid("identity requires manifests=1")
	}
	return engine.ImageListOptions{Filters: c.q.filters(), SharedSize: c.q.flag("shared-size"), Manifests: c.q.flag("manifests") && c.version >= mkVersion(1, 47)}, nil
}

func getImages(c *call, o engine.ImageListOptions) error {
	items, err := c.s.engine.ImageList(c.ctx(), o)
	if err != nil {
		return err
	}
	for i := range items {
		imageFor(c.version, &items[i])
	}
	if c.version < mkVersion(1, 44) {
		return c.json(http.StatusOK, oldImages(c.version, items))
	}
	return c.json(http.StatusOK, list(items))
}

// imageFor shapes an image in a list for a version.
func imageFor(v version, s *apiimage.Summary) {
	s.RepoTags, s.RepoDigests = list(s.RepoTags), list(s.RepoDigests)
	if v < mkVersion(1, 43) && len(s.RepoTags) == 0 && len(s.RepoDigests) == 0 {
		// The command line tells by these that an image has no name.
		s.RepoTags, s.RepoDigests = []string{"<none>:<none>"}, []string{"<none>@<none>"}
	}
	if v < mkVersion(1, 48) {
		s.Descriptor = nil
	}
	if v < mkVersion(1, 51) {
		s.Containers = -1
	}
}

// ownPlatform refuses the choice of a platform where a node has only its own.
func ownPlatform(c *call, keys ...string) (none, error) {
	for _, key := range keys {
		if len(c.q.list(key)) > 0 {
			return none{}, unsupported("choosing a platform is not supported here: a node keeps each image for its own platform")
		}
	}
	return none{}, nil
}

func decodeImage(c *call) (engine.ImageInspectOptions, error) {
	o := engine.ImageInspectOptions{Platform: c.q.platform("platform"), Manifests: c.q.flag("manifests") && c.version >= mkVersion(1, 48)}
	if o.Platform != nil && o.Manifests {
		return o, invalid("conflicting options: manifests and platform options cannot both be set")
	}
	return o, nil
}

func getImage(c *call, o engine.ImageInspectOptions) error {
	found, err := c.s.engine.ImageInspect(c.ctx(), c.name, o)
	if err != nil {
		return err
	}
	found.RepoTags, found.RepoDigests = list(found.RepoTags), list(found.RepoDigests)
	if c.version < mkVersion(1, 48) {
		found.Descriptor = nil
	}
	if c.version < mkVersion(1, 44) {
		return c.json(http.StatusOK, oldImageInspect{InspectResponse: found, VirtualSize: found.Size})
	}
	return c.json(http.StatusOK, found)
}

// oldImageInspect has the size twice: clients before API 1.44 look for the second.
type oldImageInspect struct {
	apiimage.InspectResponse
	VirtualSize int64
}

func getHistory(c *call, o engine.ImageInspectOptions) error {
	items, err := c.s.engine.ImageHistory(c.ctx(), c.name, o.Platform)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, list(items))
}

func decodeImageRemove(c *call) (image.RemoveOptions, error) {
	_, err := ownPlatform(c, "platforms")
	return image.RemoveOptions{Force: c.q.flag("force")}, err
}

func deleteImage(c *call, o image.RemoveOptions) error {
	gone, err := c.s.engine.ImageRemove(c.ctx(), c.name, o)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, list(gone))
}

// tagRequest is the new name of an image.
type tagRequest string

func decodeTag(c *call) (tagRequest, error) {
	name, err := c.reference("repo", "tag")
	if err == nil && name == "" {
		err = invalid("the new name is missing: give it as ?repo=name&tag=tag")
	}
	return tagRequest(name), err
}

func postTag(c *call, name tagRequest) error {
	if err := c.s.engine.ImageTag(c.ctx(), c.name, string(name)); err != nil {
		return err
	}
	return c.empty(http.StatusCreated)
}

func pruneImages(c *call, f engine.Filters) error {
	report, err := c.s.engine.ImagePrune(c.ctx(), f)
	if err != nil {
		return err
	}
	report.ImagesDeleted = list(report.ImagesDeleted)
	return c.json(http.StatusOK, report)
}
