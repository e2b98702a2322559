package prove

import (
	"context"
	"slices"
	"sync"
	"time"

	engines "github.com/bailey-run/bailey/internal/engine/scenes"
	images "github.com/bailey-run/bailey/internal/image/scenes"
	networks "github.com/bailey-run/bailey/internal/network/scenes"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	runtimes "github.com/bailey-run/bailey/internal/runtime/scenes"
)

// Scenes returns every attack that takes more than one actor, in the order in
// which they are shown.
func Scenes() []scene.Scene {
	return slices.Concat(
		engines.All(), networks.All(), images.All(), runtimes.All(),
	)
}

// sceneTime is how long one half of a scene may take.
const sceneTime = 20 * time.Second

// atOnce is how many scenes that wait are played beside each other.
const atOnce = 8

// playAll plays scenes: those that wait together, then the others.
func (w *work) playAll(ctx context.Context, scenes []scene.Scene) []Result {
	results := make([]Result, len(scenes))
	one := func(i int) {
		results[i] = w.play(ctx, scenes[i])
		w.advance(1)
	}
	var all sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for i, s := range scenes {
		if s.Waits {
			turns <- struct{}{}
			all.Go(func() { one(i); <-turns })
		}
	}
	all.Wait()
	for i, s := range scenes {
		if !s.Waits {
			one(i)
		}
	}
	return results
}

// play plays both halves of a scene.
func (w *work) play(ctx context.Context, s scene.Scene) Result {
	r := Result{Probe: s.ID, Control: s.Control, Tries: s.Tries, Source: s.Source, As: "several", Twin: "where it is allowed"}
	here := w.half(ctx, s.ID, s.Attack)
	twin := probe.Observation{ID: s.ID}
	if here.Outcome == probe.Stopped {
		twin = w.twinOf(ctx, s)
	}
	return r.Judged(here, twin)
}

// twinOf plays a twin, unless another scene had the very same one.
func (w *work) twinOf(ctx context.Context, s scene.Scene) probe.Observation {
	if s.Shares == "" {
		return w.half(ctx, s.ID, s.Twin)
	}
	return w.twins.get(s.Shares, func() probe.Observation { return w.half(ctx, s.ID, s.Twin) })
}

// half plays the attack or the twin, on a stage of its own.
func (w *work) half(ctx context.Context, id string, part func(context.Context, scene.Stage) error) probe.Observation {
	ctx, cancel := context.WithTimeout(ctx, sceneTime)
	defer cancel()
	s := &stage{work: w}
	o := probe.Observe(id, part(ctx, s))
	if err := s.clear(ctx); err != nil {
		return probe.Observation{ID: id, Outcome: probe.Untold, Evidence: "it left something behind: " + err.Error()}
	}
	if ctx.Err() != nil {
		return probe.Observation{ID: id, Outcome: probe.Untold, Evidence: "it took longer than " + sceneTime.String()}
	}
	return o
}
