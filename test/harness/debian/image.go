package debian

import (
	"context"
	"fmt"
	"io"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// Image describes an image made from packages.
type Image struct {
	// Tag is its name, for example "nginx:debian".
	Tag string
	// Packages are installed with what they depend on and without what they recommend.
	Packages []string
	// Before are files that are there when the packages are installed, for what their installation asks.
	Before []imagetest.File
	// Files are put on top, in their order; a directory comes before what is in it, unless a package made it.
	Files []imagetest.File
	// Config is what the image says of itself: user, command, volumes, ports.
	Config dockerspec.DockerOCIImageConfig
}

// Write writes the image as a docker-archive, which `docker load` and `bailey load` read. What it is made from is made first when
// it is not in the cache; that takes a minute when nothing is. It returns a *LackError when the machine cannot make it.
func (i Image) Write(ctx context.Context, to io.Writer) error {
	if err := i.write(ctx, to); err != nil {
		return fmt.Errorf("making the image %s from packages: %w", i.Tag, err)
	}
	return nil
}

// write is Write.
func (i Image) write(ctx context.Context, to io.Writer) error {
	cache, err := openCache()
	if err != nil {
		return err
	}
	base, err := makeBase(ctx, cache)
	if err != nil {
		return err
	}
	layers := []layer{base.layer}
	if len(i.Packages) > 0 {
		packages, err := makePackages(ctx, cache, base, i.Packages, i.Before)
		if err != nil {
			return err
		}
		layers = append(layers, packages)
	}
	return i.archive(to, layers)
}

// LackError says what the machine lacks to make images from packages.
type LackError struct{ What string }

func (e *LackError) Error() string { return "this machine lacks " + e.What }
