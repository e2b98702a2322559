package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/bailey-run/bailey/internal/api/metrics"
	"github.com/bailey-run/bailey/internal/engine"
	"github.com/bailey-run/bailey/internal/prove"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// newMetrics shows the server's node.
func (s *Server) newMetrics(version string) *metrics.Metrics {
	return metrics.New(metrics.Source{
		Version: version,
		Containers: func(ctx context.Context) (map[string]int, error) {
			list, err := s.engine.List(ctx, engine.ListOptions{All: true})
			counts := map[string]int{}
			for _, c := range list {
				counts[string(c.State)]++
			}
			return counts, err
		},
		Proof: func(ctx context.Context) (prove.Report, error) {
			if s.Prover == nil {
				return prove.Report{}, errors.New("this node was built without probes")
			}
			report, _, err := s.Prover.Latest(ctx)
			return report, err
		},
	})
}

// getMetrics answers in the format that the Accept header asks for: text, or OpenMetrics.
func getMetrics(c *call) error {
	c.s.metrics.ServeHTTP(c.w, c.r)
	return nil
}

// countRefusal counts what a client was refused. Those that the node asks for
// itself, to see that it refuses, do not count.
func (c *call) countRefusal(err error) {
	if c.caller.Inside() {
		return
	}
	refusals := sandbox.Refusals(err)
	for _, r := range refusals {
		c.s.metrics.Refused(r.Rule)
	}
	if code := status(err); len(refusals) == 0 && (code == http.StatusForbidden || code == http.StatusUnauthorized) {
		c.s.metrics.Refused(metrics.Access)
	}
}
