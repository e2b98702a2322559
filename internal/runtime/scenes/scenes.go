package scenes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/bailey-run/bailey/internal/prove/archive"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// control is what most of these attack.
const control = "runtime"

// All returns the scenes, in the order in which they are shown.
func All() []scene.Scene {
	return slices.Concat(directories(), mounts(), roots(), copies())
}

// idle is a container that waits for what others do to it.
func idle(ctx context.Context, s scene.Stage) (scene.Actor, error) {
	a, err := scene.Once(ctx, s, "runtime/idle", func(ctx context.Context, s scene.Stage) (scene.Actor, error) {
		return s.Start(ctx, scene.Options{Host: container.HostConfig{Mounts: []mount.Mount{volume("/data")}}})
	})
	if err != nil {
		return nil, probe.Untried("%w", err)
	}
	return a, nil
}

// volume is an anonymous volume.
func volume(target string) mount.Mount { return mount.Mount{Type: mount.TypeVolume, Target: target} }

// starts is what it takes for a container to be made and started.
func starts(o scene.Options) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		_, err := s.Start(ctx, o)
		return err
	}
}

// withMark makes a directory of the host for as long as it is needed.
// Containers that follow a link to it leave something in it.
func withMark(do func(dir string) error) error {
	dir, err := os.MkdirTemp("/var/tmp", "bailey-prove-mark-")
	if err != nil {
		return probe.Untried("%w", err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { // that the attack is stopped by this would be luck
		return probe.Untried("%w", err)
	}
	return errors.Join(do(dir), os.RemoveAll(dir))
}

// marked is nil when something appeared on the host; cause is what became of
// the attempt.
func marked(dir string, cause error) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err != nil:
		return probe.Untried("%w", err)
	case len(entries) > 0:
		return nil
	case cause != nil:
		return cause
	}
	return errors.New("it was made inside of the container")
}

// startsImage loads an image with entries beside the program, and starts it.
func startsImage(ctx context.Context, s scene.Stage, o scene.Options, base, more []archive.Entry) (scene.Actor, error) {
	layer := slices.Concat(base, []archive.Entry{{Name: "bailey-probe", Mode: 0o755, Body: s.Program()}}, more)
	if err := s.Load(ctx, archive.Image{Name: scene.Image, Layers: [][]byte{archive.Tar(layer...)}}.Archive()); err != nil {
		return nil, fmt.Errorf("refused as an image: %w", err)
	}
	o.Config.Image = scene.Image
	return s.Start(ctx, o)
}
