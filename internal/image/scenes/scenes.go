package scenes

import (
	"context"
	"errors"
	"slices"

	"github.com/bailey-run/bailey/internal/prove/archive"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/containerd/errdefs"
)

// control is what all of these attack.
const control = "image-unpacking"

// All returns the scenes, in the order in which they are shown.
func All() []scene.Scene {
	var list []scene.Scene
	for _, h := range slices.Concat(layers(), bombs(), outers(), configurations()) {
		list = append(list, scene.Scene{
			ID: control + "/" + h.id, Control: control, Tries: h.tries, Source: h.source,
			Attack: loads(h.hostile), Twin: loads(h.harmless), Shares: h.shares(),
		})
	}
	return append(list, attributes())
}

// pair is an archive that must be refused and the one that must not.
type pair struct {
	id, tries, source string
	hostile, harmless func() []byte
	large             bool // too large to be made before it is needed
}

// shares names the twin by what it holds: many are the same archive.
func (p pair) shares() string {
	if p.large {
		return ""
	}
	return control + "/" + archive.Digest(p.harmless())
}

// loads gives an archive to the engine. What it has no room for, or does not
// answer, is no refusal.
func loads(make func() []byte) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		err := s.Load(ctx, make())
		if errdefs.IsUnavailable(err) || errors.Is(err, context.DeadlineExceeded) {
			return probe.Untried("%w", err)
		}
		return err
	}
}

// image is an archive with an image of layers that hold entries.
func image(layers ...[]archive.Entry) func() []byte {
	return func() []byte {
		img := archive.Image{Name: scene.Image}
		for _, entries := range layers {
			img.Layers = append(img.Layers, archive.Tar(entries...))
		}
		return img.Archive()
	}
}

// entries is a layer.
func entries(list ...archive.Entry) []archive.Entry { return list }
