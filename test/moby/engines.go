package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/test/harness"
)

// engine is one that the tests are pointed at.
type engine struct {
	name, host string
	room       *harness.Room
	api        *client.Client
	close      func() error
}

// baileyName is what the results call the engine that they are about.
const baileyName = "bailey"

// policy allows a node whatever the tests ask for that a policy can allow: the point is how requests are understood and
// carried out, not whether they are refused. The paths are those where the tests make their files.
const policy = `
%s
[[host-mount]]
path = %q
callers = ["*"]
reason = "where the tests keep their files"
`

// rules are those of the policy, with the values that are allowed.
var rules = []struct{ rule, values string }{
	{"privileged", ""}, {"writable-root", ""}, {"commit", ""},
	{"cap-add", `"*"`}, {"security-opt", `"*"`}, {"seccomp", `"*"`}, {"unmasked-paths", `"*"`}, {"host-namespace", `"*"`},
	{"join-namespace", `"*"`}, {"device", `"*"`}, {"device-cgroup-rule", `"*"`}, {"mount-option", `"*"`}, {"sysctl", `"*"`},
	{"limit", `"*"`}, {"cgroup-parent", `"*"`}, {"runtime", `"*"`}, {"annotation", `"*"`},
}

// startBailey starts a private node that allows what the tests need.
func startBailey(ctx context.Context, bin, temp string) (*engine, error) {
	text := ""
	for _, r := range rules {
		text += fmt.Sprintf("[[allow]]\nrule = %q\n", r.rule)
		if r.values != "" {
			text += "values = [" + r.values + "]\n"
		}
		text += "callers = [\"*\"]\nreason = \"the tests of another engine\"\n\n"
	}
	n, err := harness.Start(ctx, harness.Options{Bin: bin, Policy: fmt.Sprintf(policy, text, temp)})
	if err != nil {
		return nil, err
	}
	if err := n.Do(hideDockerd); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return &engine{name: baileyName, host: "unix://" + n.Socket, room: n.Room, api: n.Client, close: func() error {
		err := os.WriteFile(filepath.Join(temp, "..", "bailey.log"), []byte(n.Log()), 0o644)
		return errors.Join(err, n.Close())
	}}, nil
}

// hideDockerd makes every dockerd of the machine a file that cannot be executed, in the calling thread's mount namespace. Tests
// that start a daemon of their own would test whichever is installed, and not the engine that they are pointed at; an old one
// that does not know their flags keeps each of them waiting for a minute.
func hideDockerd() error {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, "dockerd")
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if err := unix.Mount("/dev/null", path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("hiding %s: %w", path, err)
		}
	}
	return nil
}

// startDocker starts a private stock dockerd.
func startDocker(ctx context.Context, path string, archive []byte) (*engine, error) {
	d, err := harness.StartDocker(ctx, path, archive)
	if err != nil {
		return nil, err
	}
	if err := d.Room().Do(hideDockerd); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &engine{name: d.Name(), host: d.Host(), room: d.Room(), api: d.API(), close: d.Close}, nil
}

// provide loads the images that are missing: a test may have removed them.
func (e *engine) provide(ctx context.Context, archive []byte) error {
	for _, name := range append(frozen[:len(frozen):len(frozen)], hello...) {
		if _, err := e.api.ImageInspect(ctx, name); err == nil || name == "hello-world:latest" {
			continue
		}
		answer, err := e.api.ImageLoad(ctx, bytes.NewReader(archive))
		if err != nil {
			return fmt.Errorf("loading the images: %w", err)
		}
		text, err := io.ReadAll(io.LimitReader(answer, 1<<20))
		if err := errors.Join(err, answer.Close()); err != nil {
			return err
		}
		if bytes.Contains(text, []byte(`"errorDetail"`)) {
			return fmt.Errorf("loading the images: %s", text)
		}
		return nil
	}
	return nil
}
