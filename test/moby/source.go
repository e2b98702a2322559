package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// The module that the tests come from, and the checksum of its sources.
const (
	module  = "github.com/moby/moby/v2"
	version = "v2.0.0-beta.24"
	sum     = "h1:sWv7EckkDJhpraR9yUjkw1XeVf39+MWd58E22PYloNA="
)

// suites are the packages below integration/ that are run.
var suites = []string{"container", "image", "network", "system", "volume"}

// prepare makes dir hold a copy of the module's sources and one test program for each suite. What is there already stays.
func prepare(ctx context.Context, dir string, names []string) error {
	src := filepath.Join(dir, "src")
	if _, err := os.Stat(src); errors.Is(err, fs.ErrNotExist) {
		if err := download(ctx, src); err != nil {
			return err
		}
	}
	for _, name := range names {
		program := filepath.Join(dir, name+".test")
		if _, err := os.Stat(program); err == nil {
			continue
		}
		progress("compiling the suite %s", name)
		// Not trimmed: the assertions print the lines of the source that they stand in.
		build := exec.CommandContext(ctx, "go", "test", "-c", "-buildvcs=false", "-o", program, "./integration/"+name)
		build.Dir = src
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("compiling %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// download copies the module out of Go's cache, where nothing can be written, after comparing its checksum.
func download(ctx context.Context, src string) error {
	progress("fetching %s %s", module, version)
	get := exec.CommandContext(ctx, "go", "mod", "download", "-json", module+"@"+version)
	get.Dir = os.TempDir() // outside of any module
	get.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var complaints bytes.Buffer
	get.Stderr = &complaints
	out, err := get.Output()
	var found struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &found); err != nil || jsonErr != nil || found.Error != "" {
		return fmt.Errorf("fetching %s: %w %s %s", module, errors.Join(err, jsonErr), found.Error, &complaints)
	}
	if found.Sum != sum {
		return fmt.Errorf("%s %s has the checksum %s and not %s", module, version, found.Sum, sum)
	}
	fresh := src + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(filepath.Dir(src), 0o755)); err != nil {
		return err
	}
	if err := os.CopyFS(fresh, os.DirFS(found.Dir)); err != nil {
		return err
	}
	return os.Rename(fresh, src)
}
