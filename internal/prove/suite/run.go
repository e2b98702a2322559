package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bailey-run/bailey/internal/filelock"
	"github.com/bailey-run/bailey/internal/prove"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/moby/moby/client"
)

// Run plays the tests of a directory on a node, one after the other, and
// removes what it made, also when ctx ends. What a run that was killed has
// left is removed by the next one of the same directory. progress may be nil.
func Run(ctx context.Context, api client.APIClient, dir string, progress func(done, of int)) (prove.Report, error) {
	tests, err := Load(dir)
	if err != nil {
		return prove.Report{}, err
	}
	name, unlock, err := lock(dir)
	if err != nil {
		return prove.Report{}, err
	}
	defer unlock()
	s := &stage{api: api, suite: name}
	if err := s.sweep(ctx); err != nil {
		return prove.Report{}, err
	}
	version, err := api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return prove.Report{}, err
	}
	report := prove.Report{Engine: "Suite " + filepath.Base(name), Began: time.Now().UTC()}
	for _, c := range version.Components {
		if kernel := c.Details["KernelVersion"]; kernel != "" {
			report.Kernel = kernel
		}
	}
	for i, t := range tests {
		report.Results = append(report.Results, s.play(ctx, t))
		if ctx.Err() != nil {
			return prove.Report{}, context.Cause(ctx) // which says what ended it
		}
		if progress != nil {
			progress(i+1, len(tests))
		}
	}
	report.Seconds = time.Since(report.Began).Seconds()
	return report, nil
}

// lock keeps other runs of the same directory away, which would take this
// one's containers for leftovers, and returns the name that these carry.
func lock(dir string) (name string, unlock func(), err error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	if err := filelock.Take(f); err != nil {
		f.Close()
		if errors.Is(err, filelock.ErrHeld) {
			err = fmt.Errorf("%s is being run already: wait for that run to end", dir)
		}
		return "", nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		f.Close()
		return "", nil, err
	}
	return host + ":" + path, func() { f.Close() }, nil
}

// play plays both halves of a test.
func (s *stage) play(ctx context.Context, t Test) prove.Result {
	r := prove.Result{Probe: t.Name, Control: t.protects(), Tries: t.Tries, Source: t.Source, As: "attacker", Twin: "the weak variant"}
	here := s.half(ctx, t)
	twin := probe.Observation{ID: t.Name}
	if here.Outcome == probe.Stopped {
		twin = s.half(ctx, t.weak())
	}
	return r.Judged(here, twin)
}

// readyWithin is how long a service may take until it can be attacked,
// cleanWithin how long it may take to remove everything.
const (
	readyWithin = time.Minute
	cleanWithin = time.Minute
)

// half plays the attack once, on a network of its own.
func (s *stage) half(ctx context.Context, t Test) (o probe.Observation) {
	untold := func(err error) probe.Observation {
		return probe.Observation{ID: t.Name, Outcome: probe.Untold, Evidence: err.Error()}
	}
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanWithin)
		defer cancel()
		if err := s.sweep(clean); err != nil {
			o = untold(fmt.Errorf("it left something behind: %w", err))
		}
	}()
	if err := s.network(ctx); err != nil {
		return untold(err)
	}
	if t.Service != nil {
		if err := s.serve(ctx, *t.Service); err != nil {
			return untold(fmt.Errorf("the service: %w", err))
		}
	}
	limited, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	end, err := s.attack(limited, t.Attack)
	if limited.Err() != nil && ctx.Err() == nil {
		return untold(fmt.Errorf("the attack had not ended after %v", t.Timeout))
	}
	if err != nil {
		return untold(fmt.Errorf("the attack: %w", err))
	}
	return t.observe(end)
}
