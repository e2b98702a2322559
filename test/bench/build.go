package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// builder is an engine that builds images.
type builder interface {
	Name() string
	// Build builds a directory; what it prints is thrown away.
	Build(ctx context.Context, tag, dir string) error
}

// buildFile is what everybody builds: two stages, steps that depend on each other, and nothing to fetch. A build whose
// file `early` changed runs every step; one whose file `late` changed runs the last two of the first stage and the copy.
const buildFile = "FROM " + imageName + ` AS build
COPY early /src/
RUN cat /src/early > /one
RUN cat /one /one > /two
COPY late /src/
RUN cat /two /src/late > /three
FROM ` + imageName + `
COPY --from=build /three /app
CMD ["cat", "/app"]
`

// measureBuild takes the time of three builds in a row, interleaved: every step is due; the file that is copied last has
// changed; nothing has changed.
func measureBuild(ctx context.Context, s settings, engines []engine, results *results) (err error) {
	dir, err := os.MkdirTemp("", "bailey-bench-build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(buildFile), 0o644); err != nil {
		return err
	}
	var builders []builder
	for _, e := range engines {
		if b, ok := e.(builder); ok {
			builders = append(builders, b)
		}
	}
	for round := range s.runs + 1 {
		if round > 0 {
			progress("building an image: round %d of %d", round, s.runs)
		}
		for i := range builders {
			b := builders[(i+round)%len(builders)] // nobody is always first
			for _, step := range []struct{ metric, changed string }{{"build-cold", "early"}, {"build-changed", "late"}, {"build-cached", ""}} {
				if err := change(dir, step.changed); err != nil {
					return err
				}
				begin := time.Now()
				if err := b.Build(ctx, "bench:built", dir); err != nil {
					return fmt.Errorf("%s: %w", b.Name(), err)
				}
				if round > 0 { // the first round makes what a builder makes once
					results.add(step.metric, b.Name(), "ms", milliseconds(time.Since(begin)))
				}
			}
		}
	}
	return nil
}

// change gives a file of the directory a content that it never had; both for "early", so that nothing is left to reuse.
func change(dir, name string) error {
	names := []string{name}
	switch name {
	case "":
		return nil
	case "early":
		names = append(names, "late")
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(rand.Text()+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}
