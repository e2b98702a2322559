package api

import (
	"net/http"
)

// statsRequest is how samples are wanted.
type statsRequest struct{ stream, oneShot bool }

func decodeStats(c *call) (statsRequest, error) {
	r := statsRequest{stream: c.q.flagOr("stream", true), oneShot: c.q.flag("one-shot")}
	if r.stream && r.oneShot {
		return r, invalid("cannot have stream=true and one-shot=true")
	}
	return r, nil
}

func getStats(c *call, r statsRequest) error {
	ctx, cancel := c.streamCtx()
	defer cancel()
	samples, err := c.s.engine.Stats(ctx, c.name, r.stream, r.oneShot)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(http.StatusOK)
	if err := c.flush(); err != nil {
		return errCut
	}
	for sample := range samples {
		if err := encodeLine(c.w, sample); err != nil {
			return errCut
		}
		if !r.stream {
			return nil
		}
		if err := c.flush(); err != nil {
			return errCut
		}
	}
	return nil
}
