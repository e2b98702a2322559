package api

import (
	"errors"
	"net/http"

	"github.com/moby/moby/api/types/container"
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
	once := errors.New("one sample is enough")
	err = each(ctx, samples, func(sample container.StatsResponse) error {
		if err := encodeLine(c.w, sample); err != nil {
			return err
		}
		if !r.stream {
			return once
		}
		return c.flush()
	})
	if err != nil && !errors.Is(err, once) {
		return errCut
	}
	return nil
}
