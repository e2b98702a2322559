package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bailey-run/bailey/test/harness"
)

// makeHello compiles examples/hello and writes an image archive that holds it and nothing else.
func (d *demo) makeHello(ctx context.Context) error {
	archive, err := harness.HelloArchive(ctx, "hello:demo")
	if err != nil {
		return err
	}
	d.out.show(fmt.Sprintf("one static file, %.1f MB; no shell, no library, no package", float64(len(archive))/1e6))
	return os.WriteFile(d.helloArchive(), archive, 0o600)
}

// helloArchive is where makeHello writes.
func (d *demo) helloArchive() string { return filepath.Join(d.dir, "hello.tar") }

// loadHello loads the archive.
func (d *demo) loadHello(ctx context.Context) error {
	return d.bailey(ctx, "load", "-i", d.helloArchive())
}
