package api

import (
	"io"
	"net/http"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types"
	"github.com/moby/moby/api/types/events"
)

// recordSeparator precedes each value of a JSON text sequence (RFC 7464).
const recordSeparator = "\x1e"

func decodeEvents(c *call) (engine.EventsRequest, error) {
	r := engine.EventsRequest{Since: c.q.moment("since"), Until: c.q.moment("until"), Filters: c.q.filters()}
	if !r.Until.IsZero() && r.Until.Before(r.Since) {
		return r, invalid("`since` time (%s) cannot be after `until` time (%s)", c.q.text("since"), c.q.text("until"))
	}
	return r, nil
}

// oldEvent repeats an event's content where clients before API 1.52 look for
// it; the docker command line before 25 fails without.
type oldEvent struct {
	events.Message
	Status events.Action `json:"status,omitempty"`
	ID     string        `json:"id,omitempty"`
	From   string        `json:"from,omitempty"`
}

// eventFor shapes an event for a version; nil when it knows no such event.
func eventFor(v version, m events.Message) any {
	switch {
	case v >= mkVersion(1, 52):
		return m
	case v < mkVersion(1, 46) && m.Type == events.ImageEventType && m.Action == events.ActionCreate:
		return nil
	case m.Type == events.ContainerEventType:
		return oldEvent{Message: m, Status: m.Action, ID: m.Actor.ID, From: m.Actor.Attributes["image"]}
	case m.Type == events.ImageEventType:
		return oldEvent{Message: m, Status: m.Action, ID: m.Actor.ID}
	}
	return m
}

func getEvents(c *call, r engine.EventsRequest) error {
	ctx, cancel := c.streamCtx()
	defer cancel()
	messages, err := c.s.engine.Events(ctx, r)
	if err != nil {
		return err
	}
	fallback := types.MediaTypeJSONLines
	if c.version < mkVersion(1, 52) {
		fallback = types.MediaTypeJSON
	}
	kind := accepted(c.r.Header, fallback)
	c.w.Header().Set("Content-Type", kind)
	c.w.WriteHeader(http.StatusOK)
	if err := c.flush(); err != nil {
		return errCut
	}
	if err := each(ctx, messages, func(m events.Message) error { return c.sendEvent(kind, m) }); err != nil {
		return errCut
	}
	return nil
}

func (c *call) sendEvent(kind string, m events.Message) error {
	e := eventFor(c.version, m)
	if e == nil {
		return nil
	}
	if kind == types.MediaTypeJSONSequence {
		if _, err := io.WriteString(c.w, recordSeparator); err != nil {
			return err
		}
	}
	if err := encodeLine(c.w, e); err != nil {
		return err
	}
	return c.flush()
}
