package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// What a test can come to.
const (
	passed  = "pass"
	failed  = "fail"
	skipped = "skip"
)

// within is how long one test may take.
const within = 2 * time.Minute

// outcome is what a test came to, with what it said when it did not pass.
type outcome struct {
	Suite  string `json:"suite"`
	Test   string `json:"test"`
	Result string `json:"result"`
	// Why says for a failure of Bailey's what kind of reason it has, and which; see expected.tsv.
	Why    string `json:"why,omitempty"`
	Reason string `json:"reason,omitempty"`
	Millis int64  `json:"ms"`
	Output string `json:"output,omitempty"`
}

// runner runs tests against one engine.
type runner struct {
	engine  *engine
	archive []byte
	dir     string // holds the programs and the sources
	temp    string // where the tests make their files
	tools   string // where the programs are that they look for
	only    *regexp.Regexp
}

// run runs every test of a suite, each in a process of its own.
func (r *runner) run(ctx context.Context, suite string) ([]outcome, error) {
	if err := r.engine.provide(ctx, r.archive); err != nil {
		return nil, err
	}
	text, err := r.start(ctx, suite, "-test.list=.")
	if err != nil {
		return nil, fmt.Errorf("listing the tests of %s: %w\n%s", suite, err, text)
	}
	var all []outcome
	for line := range strings.Lines(text) {
		test := strings.TrimSpace(line)
		if !strings.HasPrefix(test, "Test") || !r.only.MatchString(test) {
			continue
		}
		if err := r.engine.provide(ctx, r.archive); err != nil {
			return all, err
		}
		begin := time.Now()
		text, err := r.start(ctx, suite, "-test.v", "-test.run=^"+test+"$", "-test.timeout="+within.String())
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		o := outcome{Suite: suite, Test: test, Result: judge(text, test, err), Millis: time.Since(begin).Milliseconds(), Output: text}
		if o.Result == passed {
			o.Output = ""
		}
		fmt.Printf("%-4s %s.%s (%d ms)\n", o.Result, suite, test, o.Millis)
		all = append(all, o)
	}
	return all, nil
}

// start runs a suite's program in the engine's room to its end.
func (r *runner) start(ctx context.Context, suite string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within+30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(r.dir, suite+".test"), args...)
	cmd.Dir = filepath.Join(r.dir, "src", "integration", suite)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+r.engine.host, "TMPDIR="+r.temp, "DOCKER_CONFIG="+r.temp+"/config", "DEST="+r.temp+"/daemons", "PATH="+r.tools+":"+os.Getenv("PATH"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	// A daemon that a test left behind goes with its group, and must not keep us waiting for its output.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if err := r.engine.room.Start(cmd); err != nil {
		return "", err
	}
	err := cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nobody is left in most cases
	return out.String(), err
}

// judge reads what the testing package wrote of a test.
func judge(text, test string, err error) string {
	switch {
	case strings.Contains(text, "--- SKIP: "+test+" "):
		return skipped
	case err == nil && strings.Contains(text, "--- PASS: "+test+" "):
		return passed
	}
	return failed
}
