package prove

import (
	"context"
	"slices"
	"time"

	engines "github.com/bailey-run/bailey/internal/engine/scenes"
	networks "github.com/bailey-run/bailey/internal/network/scenes"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
)

// Scenes returns every attack that takes more than one actor, in the order in
// which they are shown.
func Scenes() []scene.Scene {
	return slices.Concat(
		engines.All(), networks.All(),
	)
}

// sceneTime is how long one half of a scene may take.
const sceneTime = 20 * time.Second

// play plays both halves of a scene.
func (w *work) play(ctx context.Context, s scene.Scene) Result {
	r := Result{Probe: s.ID, Control: s.Control, Tries: s.Tries, Source: s.Source, As: "several", Twin: "where it is allowed"}
	here := w.half(ctx, s.ID, s.Attack)
	twin := probe.Observation{ID: s.ID}
	if here.Outcome == probe.Stopped {
		twin = w.half(ctx, s.ID, s.Twin)
	}
	return r.Judged(here, twin)
}

// half plays the attack or the twin, on a stage of its own.
func (w *work) half(ctx context.Context, id string, part func(context.Context, scene.Stage) error) probe.Observation {
	ctx, cancel := context.WithTimeout(ctx, sceneTime)
	defer cancel()
	s := &stage{Prover: w.Prover, engine: w.engine}
	o := probe.Observe(id, part(ctx, s))
	if err := s.clear(ctx); err != nil {
		return probe.Observation{ID: id, Outcome: probe.Untold, Evidence: "it left something behind: " + err.Error()}
	}
	if ctx.Err() != nil {
		return probe.Observation{ID: id, Outcome: probe.Untold, Evidence: "it took longer than " + sceneTime.String()}
	}
	return o
}
