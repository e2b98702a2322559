package api

import (
	"net/http"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types/container"
)

// commitRequest is the image to make, and of which container.
type commitRequest struct {
	engine.CommitRequest
	container string
}

func (r commitRequest) object() string  { return r.container }
func (r commitRequest) touches() string { return r.container }

func decodeCommit(c *call) (commitRequest, error) {
	r := commitRequest{container: c.q.text("container"), CommitRequest: engine.CommitRequest{
		Author: c.q.text("author"), Comment: c.q.text("comment"), Changes: c.q.list("changes"), Pause: c.q.flagOr("pause", true), Caller: c.caller,
	}}
	var err error
	if r.Name, err = c.reference("repo", "tag"); err != nil {
		return r, err
	}
	if r.Config, err = body[*container.Config](c, nil); err == nil && r.container == "" {
		err = invalid("no container is named: give it as ?container=")
	}
	return r, err
}

func postCommit(c *call, r commitRequest) error {
	id, err := c.s.engine.Commit(c.ctx(), r.container, r.CommitRequest)
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, container.CommitResponse{ID: id})
}
