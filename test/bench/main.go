package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// settings are the command line.
type settings struct {
	bailey, spec, json string
	dockerds           listFlag
	only               string
	runs, containers   int
}

// listFlag is a flag that may be given several times.
type listFlag []string

// String joins the values.
func (l *listFlag) String() string { return strings.Join(*l, ",") }

// Set adds a value.
func (l *listFlag) Set(value string) error { *l = append(*l, value); return nil }

func main() {
	var s settings
	flag.StringVar(&s.bailey, "bailey", "bin/bailey", "the `binary` to measure")
	flag.StringVar(&s.spec, "spec", "SPECIFICATION.md", "the `page` with the promises")
	flag.StringVar(&s.json, "json", "", "write all measurements to this `file` too")
	flag.Var(&s.dockerds, "dockerd", "another dockerd to compare with, by `path`; containerd, shim and runc are taken from its directory (repeatable)")
	flag.StringVar(&s.only, "only", "run,build,memory,burst,adopt", "which measurements to take")
	flag.IntVar(&s.runs, "runs", 12, "how often each engine runs a container, and builds an image, interleaved")
	flag.IntVar(&s.containers, "containers", 50, "how many containers memory, burst and adopt are measured with")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench takes all measurements and prints them. An enforced promise that is missed is an error.
func bench(ctx context.Context, s settings) (failed error) {
	if os.Geteuid() != 0 {
		return errors.New("needs root: run it with sudo")
	}
	promises, err := readPromises(s.spec)
	if err != nil {
		return err
	}
	engines, err := startEngines(ctx, s)
	defer func() {
		for _, e := range engines {
			progress("stopping %s", e.Name())
			failed = errors.Join(failed, e.Close())
		}
	}()
	if err != nil {
		return err
	}

	taken := newResults(engines)
	for _, m := range []struct {
		name string
		take func(context.Context, settings, []engine, *results) error
	}{
		{"run", measureRun}, {"build", measureBuild}, {"memory", measureMemory}, {"burst", measureBurst}, {"adopt", measureAdopt},
	} {
		if !strings.Contains(","+s.only+",", ","+m.name+",") {
			continue
		}
		if err := m.take(ctx, s, engines, taken); err != nil {
			return fmt.Errorf("measuring %s: %w", m.name, err)
		}
	}
	missed := taken.print(os.Stdout, promises)
	if s.json != "" {
		text, err := json.MarshalIndent(taken, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.json, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d promises of %s are not kept", missed, s.spec)
	}
	return nil
}

// progress says what is happening now.
func progress(format string, args ...any) { fmt.Printf("... "+format+"\n", args...) }
