package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/bailey-run/bailey/test/harness"
)

// settings are the command line.
type settings struct {
	bailey, dockerd, dir, json, suites, only string
}

func main() {
	var s settings
	flag.StringVar(&s.bailey, "bailey", "bin/bailey", "the `binary` to test; empty for none")
	flag.StringVar(&s.dockerd, "dockerd", "", "a stock dockerd to run the same tests against, by `path`")
	flag.StringVar(&s.dir, "dir", "bin/moby-"+version, "where sources and compiled tests are `kept`")
	flag.StringVar(&s.json, "json", "bin/moby.json", "the `file` to write the outcome of every test to")
	flag.StringVar(&s.suites, "suites", strings.Join(suites, ","), "which packages below integration/ to run")
	flag.StringVar(&s.only, "run", ".", "only tests whose name matches the `pattern`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := test(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "moby:", err)
		os.Exit(1)
	}
}

// test runs the suites against each engine and writes the outcome. A test that Bailey fails is an error when expected.tsv does
// not say why.
func test(ctx context.Context, s settings) (failed error) {
	only, err := regexp.Compile(s.only)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("needs root: run it with sudo")
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	if s.bailey != "" {
		if s.bailey, err = filepath.Abs(s.bailey); err != nil {
			return err
		}
	}
	names := strings.Split(s.suites, ",")
	if err := prepare(ctx, s.dir, names); err != nil {
		return err
	}
	archive, err := images(ctx)
	if err != nil {
		return err
	}
	progress("building the registry that some tests start")
	registry, err := harness.Client(ctx, "registry")
	if err != nil {
		return err
	}
	suite := &suite{dir: s.dir, names: names, only: only, archive: archive, tools: filepath.Dir(registry)}
	results := map[string][]outcome{}
	for _, start := range engines(s, archive) {
		outcomes, name, err := suite.measure(ctx, start)
		if name == baileyName {
			err = errors.Join(err, explain(outcomes))
		}
		results[name] = outcomes
		failed = errors.Join(failed, err)
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return errors.Join(failed, err)
	}
	failed = errors.Join(failed, os.WriteFile(s.json, append(text, '\n'), 0o644))
	report(os.Stdout, results)
	return failed
}

// starter starts an engine whose tests keep their files in temp.
type starter func(ctx context.Context, temp string) (*engine, error)

// engines are those that were asked for.
func engines(s settings, archive []byte) (all []starter) {
	if s.bailey != "" {
		all = append(all, func(ctx context.Context, temp string) (*engine, error) { return startBailey(ctx, s.bailey, temp) })
	}
	if s.dockerd != "" {
		all = append(all, func(ctx context.Context, _ string) (*engine, error) { return startDocker(ctx, s.dockerd, archive) })
	}
	return all
}

// suite is what is run against each engine.
type suite struct {
	dir     string // of the programs and the sources
	names   []string
	only    *regexp.Regexp
	archive []byte
	tools   string
}

// measure runs the suites against one engine.
func (s *suite) measure(ctx context.Context, start starter) (all []outcome, name string, failed error) {
	base, err := os.MkdirTemp("", "bailey-moby-")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(base)
	temp := filepath.Join(base, "tmp")
	if err := errors.Join(os.Chmod(base, 0o711), os.Mkdir(temp, 0o777), os.Chmod(temp, 0o777)); err != nil {
		return nil, "", err
	}
	e, err := start(ctx, temp)
	if err != nil {
		return nil, "", err
	}
	defer func() { failed = errors.Join(failed, e.close()) }()
	r := &runner{engine: e, archive: s.archive, dir: s.dir, temp: temp, tools: s.tools, only: s.only}
	for _, suite := range s.names {
		outcomes, err := r.run(ctx, suite)
		all = append(all, outcomes...)
		if err != nil {
			return all, e.name, err
		}
	}
	return all, e.name, nil
}

// progress says what is happening now.
func progress(format string, args ...any) { fmt.Printf("... "+format+"\n", args...) }
