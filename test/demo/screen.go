package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// screen prints steps as they happen and how long each took.
type screen struct {
	mu    sync.Mutex
	out   io.Writer
	took  []timed
	lines []string // what a step has to show, printed under its line
}

// timed is a step that was done.
type timed struct {
	what string
	time time.Duration
}

// newScreen prints to out.
func newScreen(out io.Writer) *screen { return &screen{out: out} }

// step says what is done, shows with a dot each second that it still is, and how long it took.
func (s *screen) step(ctx context.Context, what string, do func(context.Context) error) error {
	fmt.Fprintf(s.out, "\n▶ %s ", what)
	ticking, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ticking)
		for {
			select {
			case <-time.After(time.Second):
				fmt.Fprint(s.out, ".")
			case <-stop:
				return
			}
		}
	}()
	begin := time.Now()
	err := do(ctx)
	took := time.Since(begin)
	close(stop)
	<-ticking
	if err != nil {
		fmt.Fprintln(s.out, " failed")
		return err
	}
	fmt.Fprintf(s.out, " %s\n", short(took))
	for _, line := range s.lines {
		fmt.Fprintf(s.out, "    %s\n", line)
	}
	s.lines = nil
	s.took = append(s.took, timed{what, took})
	return nil
}

// show keeps text to be printed under the running step.
func (s *screen) show(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(text) {
		s.lines = append(s.lines, strings.TrimRight(line, " \n"))
	}
}

// summary prints how long each step took.
func (s *screen) summary() {
	fmt.Fprintf(s.out, "\n▶ how long it took\n")
	var total time.Duration
	for _, t := range s.took {
		fmt.Fprintf(s.out, "    %10s  %s\n", short(t.time), t.what)
		total += t.time
	}
	fmt.Fprintf(s.out, "    %10s  together\n", short(total))
}

// short is a duration for people.
func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
