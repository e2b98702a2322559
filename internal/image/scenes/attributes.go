package scenes

import (
	"context"

	"github.com/bailey-run/bailey/internal/prove/archive"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
)

// chown is CAP_CHOWN for whoever executes the file. Source: linux/capability.h, struct vfs_cap_data of version 2.
const chown = "\x01\x00\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// attributes brings a program with capabilities of its own. It need not be
// refused, for images of others have such files, but they must not count.
func attributes() scene.Scene {
	return scene.Scene{
		ID: control + "/file-capabilities", Control: control, Tries: "bring a program with a capability of its own", Source: "capabilities(7), security.capability",
		Attack: carries("security.capability", chown),
		Twin:   carries("user.harmless", "x"),
	}
}

// carries has a container look at an attribute of a file of its image.
func carries(name, value string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		layer := append(archive.Base(), archive.Entry{Name: "bailey-probe", Mode: 0o755, Body: s.Program()},
			archive.Entry{Name: "f", Mode: 0o755, Body: []byte("x"), Attributes: map[string]string{name: value}})
		if err := s.Load(ctx, image(layer)()); err != nil {
			return probe.Untried("%w", err)
		}
		a, err := s.Start(ctx, scene.Options{Config: container.Config{Image: scene.Image}})
		if err != nil {
			return probe.Untried("%w", err)
		}
		_, err = a.Do(ctx, "attribute", "/f", name)
		return err
	}
}
