package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bailey-run/bailey/test/workloads"
)

// page is what it serves.
const page = "<!doctype html><title>Bailey</title><p>Debian's nginx, hardened by default.\n"

// makeDebian makes an image of a minimal Debian or Ubuntu with nginx, as the machine's own release has it and from the mirrors that
// its apt uses.
func (d *demo) makeDebian(ctx context.Context) error {
	image := workloads.HardenedNginx(page)
	image.Tag = "debian-nginx:demo"
	file, err := os.Create(d.debianArchive())
	if err != nil {
		return err
	}
	if err := errors.Join(image.Write(ctx, file), file.Close()); err != nil {
		return err
	}
	info, err := os.Stat(file.Name())
	if err != nil {
		return err
	}
	d.out.show(fmt.Sprintf("the essential packages and nginx-light: %d MB, no registry asked", info.Size()/1e6))
	return nil
}

// debianArchive is where makeDebian writes.
func (d *demo) debianArchive() string { return filepath.Join(d.dir, "debian.tar") }

// loadDebian loads the archive.
func (d *demo) loadDebian(ctx context.Context) error {
	return d.bailey(ctx, "load", "-i", d.debianArchive())
}
