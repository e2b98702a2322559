package scenes

import (
	"context"
	"errors"

	"github.com/bailey-run/bailey/internal/prove/archive"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// roots are images whose own directories are links to the host.
func roots() []scene.Scene {
	list := []scene.Scene{workingDirLink()}
	for _, name := range []string{"dev", "proc", "sys", "etc", "run", "tmp"} {
		list = append(list, linked(name))
	}
	return list
}

// linked has a directory that the runtime or the engine fills in be a link to
// the host. The twin sees it filled where it is a directory.
func linked(name string) scene.Scene {
	seen := map[string]string{"dev": "/dev/null", "proc": "/proc/self/status", "sys": "/sys/fs", "etc": "/etc/resolv.conf", "run": "/run", "tmp": "/tmp"}[name]
	return scene.Scene{
		ID: control + "/link-" + name, Control: control, Source: "CVE-2026-41579", Tries: "have the host's files made or covered by an image whose /" + name + " is a link",
		Attack: func(ctx context.Context, s scene.Stage) error {
			return withMark(func(dir string) error {
				var base []archive.Entry
				for _, e := range archive.Base() {
					if e.Name == name+"/" {
						e = archive.Symlink(name, dir)
					} else if len(e.Name) > len(name) && e.Name[:len(name)+1] == name+"/" {
						continue
					}
					base = append(base, e)
				}
				_, err := startsImage(ctx, s, scene.Options{}, base, nil)
				return marked(dir, err)
			})
		},
		Twin: func(ctx context.Context, s scene.Stage) error {
			a, err := idle(ctx, s)
			if err == nil {
				_, err = a.Do(ctx, "stat", seen)
			}
			return err
		},
	}
}

// workingDirLink has a working directory made on the host, below a link.
func workingDirLink() scene.Scene {
	return scene.Scene{
		ID: control + "/working-dir-link", Control: control, Source: "CVE-2026-55686", Tries: "have a directory made on the host, as a working directory below a link of the image",
		Attack: func(ctx context.Context, s scene.Stage) error {
			return withMark(func(dir string) error {
				_, err := startsImage(ctx, s, scene.Options{Config: container.Config{WorkingDir: "/link/made"}}, archive.Base(), []archive.Entry{archive.Symlink("link", dir)})
				return marked(dir, err)
			})
		},
		Twin: func(ctx context.Context, s scene.Stage) error {
			a, err := startsImage(ctx, s, scene.Options{Config: container.Config{WorkingDir: "/real/made"}}, archive.Base(), []archive.Entry{archive.Dir("real"), archive.Dir("real/made")})
			if err == nil {
				_, err = a.Do(ctx, "stat", "/real/made")
			}
			return err
		},
	}
}

// volumeOf is the name of a container's only volume.
func volumeOf(ctx context.Context, s scene.Stage, a scene.Actor) (string, error) {
	res, err := s.API().ContainerInspect(ctx, a.ID(), client.ContainerInspectOptions{})
	if err != nil {
		return "", probe.Untried("%w", err)
	}
	for _, m := range res.Container.Mounts {
		if m.Name != "" {
			return m.Name, nil
		}
	}
	return "", probe.Untried("%w", errors.New("the container has no volume"))
}
