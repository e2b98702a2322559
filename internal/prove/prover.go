package prove

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Prover attacks one engine.
type Prover struct {
	// Client speaks to the engine that is attacked. It must be allowed the relaxations that twins are made of.
	Client *client.Client
	// Stranger speaks to it as somebody to whom no policy allows anything; nil where the engine does not tell callers apart.
	Stranger *client.Client
	// Program is the static binary that is put into containers (cmd/bailey-probe).
	Program []byte
	// Secret puts a secret into the store of an engine whose containers are promised secrets by name, and returns how it is
	// removed; it may be nil.
	Secret func(name string, value []byte) (remove func() error, err error)
	// Like changes every container before it is made: the posture of a container to take the place of the default.
	Like func(*container.Config, *container.HostConfig)
	// Gently takes only what of the processor nobody else wants.
	Gently bool
	// Progress is told after each place how many attempts are done, of how many. It may be nil.
	Progress func(done, of int)
}

// leastShares is the smallest weight that a control group can have.
const leastShares = 2

// patience is how long one place may take, beside the time for its attempts.
const patience = 30 * time.Second

// Prove makes every attempt and the twin of each that was stopped, and then
// plays the scenes.
func (p *Prover) Prove(ctx context.Context, probes []probe.Probe, scenes []scene.Scene) (results []Result, err error) {
	e := engine{Client: p.Client}
	if err := e.sweep(ctx); err != nil {
		return nil, err
	}
	if err := e.loadProgram(ctx, p.Program); err != nil {
		return nil, err
	}
	defer func() {
		if swept := e.sweep(context.WithoutCancel(ctx)); err == nil {
			err = swept
		}
	}()
	all := attempts(probes)
	work := &work{Prover: p, engine: e, seen: map[place]map[string]probe.Observation{}, total: 2*len(all) + len(scenes)}
	work.visitAll(ctx, visits(all, attempt.target))
	var stopped []attempt
	for _, a := range all {
		if work.saw(a.target(), a.ID).Outcome == probe.Stopped {
			stopped = append(stopped, a)
		}
	}
	work.visitAll(ctx, visits(stopped, attempt.twin))
	for _, a := range all {
		results = append(results, judge(a, work.saw(a.target(), a.ID), work.saw(a.twin(), a.ID)))
	}
	results = append(results, work.playAll(ctx, scenes)...)
	return results, errors.Join(ctx.Err(), work.finish(ctx))
}

// work is what was seen so far.
type work struct {
	*Prover
	engine      engine
	seen        map[place]map[string]probe.Observation
	twins       kept[probe.Observation] // of scenes that have the same one
	common      kept[made]              // what scenes share
	mu          sync.Mutex              // of what follows
	later       []*stage                // where the common things were made
	networks    int                     // that were made
	done, total int
}

func (w *work) saw(at place, id string) probe.Observation {
	if o, ok := w.seen[at][id]; ok {
		return o
	}
	return probe.Observation{ID: id, Outcome: probe.Untold, Evidence: "nothing was heard of it"}
}

// finish removes what scenes had in common, last first.
func (w *work) finish(ctx context.Context) error {
	var errs []error
	for i := len(w.later) - 1; i >= 0; i-- {
		errs = append(errs, w.later[i].clear(ctx))
	}
	return errors.Join(errs...)
}

// visitAll visits places one after the other. A place that cannot be had leaves
// its attempts untold, with the reason.
func (w *work) visitAll(ctx context.Context, visits []visit) {
	for _, v := range visits {
		seen, err := w.visit(ctx, v)
		for _, id := range v.ids {
			if _, ok := seen[id]; !ok && err != nil {
				seen[id] = probe.Observation{ID: id, Outcome: probe.Untold, Evidence: err.Error()}
			}
		}
		w.seen[v.place] = seen
		w.advance(len(v.ids))
	}
}

func (w *work) advance(by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done += by
	if w.Progress != nil {
		w.Progress(w.done, w.total)
	}
}

// visit makes attempts in one place.
func (w *work) visit(ctx context.Context, v visit) (map[string]probe.Observation, error) {
	seen := make(map[string]probe.Observation, len(v.ids))
	ctx, cancel := context.WithTimeout(ctx, patience+time.Duration(len(v.ids))*time.Second)
	defer cancel()
	out, err := w.output(ctx, v)
	for line := range bytes.Lines(out) {
		var o probe.Observation
		if json.Unmarshal(line, &o) == nil && o.ID != "" {
			seen[o.ID] = o
		}
	}
	return seen, err
}

func (w *work) output(ctx context.Context, v visit) ([]byte, error) {
	if v.host {
		return onHost(ctx, w.Program, v.ids, w.Gently)
	}
	c, h := container.Config{User: users[v.user]}, container.HostConfig{}
	if w.Gently {
		h.CPUShares = leastShares
	}
	if w.Like != nil {
		w.Like(&c, &h)
	}
	if err := switchOff(v.controls(), &c, &h); err != nil {
		return nil, err
	}
	out, err := w.engine.run(ctx, c, h, append([]string{"try"}, v.ids...))
	if err != nil {
		return out, fmt.Errorf("a container %s: %w", v.place, err)
	}
	return out, nil
}
