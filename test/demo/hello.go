package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness"
)

// makeHello compiles examples/hello and writes an image archive that holds it and nothing else.
func (d *demo) makeHello(ctx context.Context) error {
	top, err := harness.Top()
	if err != nil {
		return err
	}
	program := filepath.Join(d.dir, "hello")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", program, "./examples/hello")
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	img := imagetest.Image{
		Tags:   []string{"hello:demo"},
		Layers: []imagetest.Layer{{Files: []imagetest.File{imagetest.Exec("hello", text)}}},
	}
	img.Config.Config.User = "65534:65534"
	img.Config.Config.Entrypoint = []string{"/hello"}
	img.Config.Config.ExposedPorts = map[string]struct{}{"8080/tcp": {}}
	archive := imagetest.DockerArchive(img)
	d.out.show(fmt.Sprintf("one static file, %.1f MB; no shell, no library, no package", float64(len(archive))/1e6))
	return os.WriteFile(d.helloArchive(), archive, 0o600)
}

// helloArchive is where makeHello writes.
func (d *demo) helloArchive() string { return filepath.Join(d.dir, "hello.tar") }

// loadHello loads the archive.
func (d *demo) loadHello(ctx context.Context) error {
	return d.bailey(ctx, "load", "-i", d.helloArchive())
}
