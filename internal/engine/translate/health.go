package translate

import (
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
)

// leastHealth is the shortest time that a health check can be given.
const leastHealth = time.Millisecond

// checkHealth refuses times and numbers of a health check that make no sense; 0 means the default.
func checkHealth(h *container.HealthConfig) error {
	if h == nil {
		return nil
	}
	for _, t := range []struct {
		name  string
		value time.Duration
	}{{"Interval", h.Interval}, {"Timeout", h.Timeout}, {"StartPeriod", h.StartPeriod}, {"StartInterval", h.StartInterval}} {
		if t.value != 0 && t.value < leastHealth {
			return fmt.Errorf("%s in Healthcheck cannot be less than %s: %w", t.name, leastHealth, errdefs.ErrInvalidArgument)
		}
	}
	if h.Retries < 0 {
		//lint:ignore ST1005 Docker's clients look for these words
		return fmt.Errorf("Retries in Healthcheck cannot be negative: %w", errdefs.ErrInvalidArgument)
	}
	return nil
}
