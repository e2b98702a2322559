package scenes

import (
	"context"

	"github.com/bailey-run/bailey/internal/prove/archive"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// covers are places where a volume would take away what masks and protects, or
// lend the runtime files that a container wrote.
var covers = []struct{ id, path, source string }{
	{"over-proc", "/proc", "CVE-2023-28642"},
	{"over-proc-self", "/proc/self", "CVE-2025-52881"},
	{"over-attributes", "/proc/self/attr", "CVE-2025-52881"},
	{"over-sysctls", "/proc/sys", "CVE-2025-52881"},
	{"over-sys", "/sys", "CVE-2023-25809"},
	{"over-cgroups", "/sys/fs/cgroup", "CVE-2023-25809"},
	{"over-dev", "/dev", "CVE-2025-31133"},
	{"over-terminals", "/dev/pts", "CVE-2025-52565"},
	{"over-root", "/", "CVE-2021-30465"},
}

func mounts() []scene.Scene {
	var list []scene.Scene
	for _, c := range covers {
		list = append(list, scene.Scene{
			ID: control + "/" + c.id, Control: control, Source: c.source, Tries: "have a volume mounted over " + c.path,
			Attack: startsOver(c.path), Twin: startsOver("/data"), Shares: control + "/over-data",
		})
	}
	return append(list, nullLink(), targetLink("target-link", "/link/x", "/real/x", "CVE-2021-30465"),
		procLink())
}

func startsOver(path string) func(context.Context, scene.Stage) error {
	return starts(scene.Options{Host: container.HostConfig{Mounts: []mount.Mount{volume(path)}}})
}

// nullLink lends the runtime a /dev/null that is a link into /proc, which it
// would mount over what is masked, and so take the mask away.
func nullLink() scene.Scene {
	on := func(target string) func(context.Context, scene.Stage) error {
		return func(ctx context.Context, s scene.Stage) error {
			a, err := s.Start(ctx, scene.Options{Host: container.HostConfig{Mounts: []mount.Mount{volume("/data")}}})
			if err != nil {
				return probe.Untried("%w", err)
			}
			if _, err := a.Do(ctx, "link", "/proc/sys/kernel/ostype", "/data/null"); err != nil {
				return probe.Untried("%w", err)
			}
			name, err := volumeOf(ctx, s, a)
			if err != nil {
				return err
			}
			b, err := s.Start(ctx, scene.Options{Host: container.HostConfig{Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: name, Target: target}}}})
			if err != nil {
				return err
			}
			_, err = b.Do(ctx, "read", target+"/null")
			return err
		}
	}
	return scene.Scene{
		ID: control + "/null-link", Control: control, Source: "CVE-2025-31133",
		Tries: "unmask a file of /proc by a /dev/null that is a link", Attack: on("/dev"), Twin: on("/data"),
	}
}

// targetLink has a volume mounted below a link of the image to the host.
func targetLink(id, hostile, harmless, source string) scene.Scene {
	return scene.Scene{
		ID: control + "/" + id, Control: control, Source: source, Tries: "have a mount point made on the host, below a link of the image",
		Attack: func(ctx context.Context, s scene.Stage) error {
			return withMark(func(dir string) error {
				_, err := startsImage(ctx, s, scene.Options{Host: container.HostConfig{Mounts: []mount.Mount{volume(hostile)}}}, archive.Base(),
					[]archive.Entry{archive.Symlink("link", dir)})
				return marked(dir, err)
			})
		},
		Twin: func(ctx context.Context, s scene.Stage) error {
			a, err := startsImage(ctx, s, scene.Options{Host: container.HostConfig{Mounts: []mount.Mount{volume(harmless)}}}, archive.Base(), nil)
			if err == nil {
				_, err = a.Do(ctx, "stat", harmless)
			}
			return err
		},
	}
}

// procLink has a volume mounted over /proc/sys by way of a link of the image.
func procLink() scene.Scene {
	covered := func(target string) func(context.Context, scene.Stage) error {
		return func(ctx context.Context, s scene.Stage) error {
			a, err := startsImage(ctx, s, scene.Options{Host: container.HostConfig{Mounts: []mount.Mount{volume(target)}}}, archive.Base(),
				[]archive.Entry{archive.Symlink("link", "/proc")})
			if err != nil {
				return err
			}
			_, err = a.Do(ctx, "write", target+"/written", "1") // worked when it is the volume
			return err
		}
	}
	return scene.Scene{
		ID: control + "/link-to-proc", Control: control, Source: "CVE-2023-28642", Tries: "have a volume mounted over /proc/sys by a link of the image",
		Attack: covered("/link/sys"), Twin: covered("/data"),
	}
}
