package main

import (
	"context"
	"fmt"
	"time"
)

// runner is what can run a container to its end: an engine, or a bare runtime.
type runner interface {
	Name() string
	Run(ctx context.Context, args ...string) error
}

// measureRun takes the time of `run --rm IMAGE true` through each command line, interleaved, and of the bare
// runtimes with the specification that Bailey gives them.
func measureRun(ctx context.Context, s settings, engines []engine, results *results) (err error) {
	var runners []runner
	for _, e := range engines {
		runners = append(runners, e)
	}
	bares, clean, err := bareRuntimes(ctx, engines[0].(*bailey))
	if err != nil {
		return fmt.Errorf("preparing the bare runtimes: %w", err)
	}
	defer clean()
	for _, b := range bares {
		runners = append(runners, b)
	}
	for round := range s.runs + 1 {
		if round > 0 {
			progress("run --rm IMAGE true: round %d of %d", round, s.runs)
		}
		for i := range runners {
			r := runners[(i+round)%len(runners)] // nobody is always first
			begin := time.Now()
			if err := r.Run(ctx, "run", "--rm", imageName, "true"); err != nil {
				return fmt.Errorf("%s: %w", r.Name(), err)
			}
			if round > 0 { // the first round fills caches
				results.add("run", r.Name(), "ms", milliseconds(time.Since(begin)))
			}
		}
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
