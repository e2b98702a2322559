package scenes

import (
	"context"
	"errors"
	"time"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
)

// endedWithin is how long a container may go on that holds more than it may.
const endedWithin = 20 * time.Second

// volume is an anonymous volume of a size.
func volume(size string) mount.Mount {
	return mount.Mount{Type: mount.TypeVolume, Target: "/data", VolumeOptions: &mount.VolumeOptions{
		DriverConfig: &mount.Driver{Name: "local", Options: map[string]string{"size": size}},
	}}
}

// diskSpace writes more than a volume may hold. Whether the write is refused
// or the writer is ended for it is the host's to say.
func diskSpace() []scene.Scene {
	return []scene.Scene{{
		ID: "disk-space/volume", Control: "disk-space", Tries: "keep 8 MiB in a volume of 2 MiB", Source: "moby#40207",
		Attack: func(ctx context.Context, s scene.Stage) error {
			a, err := writer(ctx, s)
			if err != nil {
				return err
			}
			_, err = a.Do(ctx, "write", "/data/x", "8388608")
			for until := time.Now().Add(endedWithin); time.Now().Before(until); {
				got, inspectErr := s.API().ContainerInspect(ctx, a.ID(), client.ContainerInspectOptions{})
				switch {
				case inspectErr != nil:
					return probe.Untried("%w", inspectErr)
				case !got.Container.State.Running:
					return errors.New("ended: " + got.Container.State.Error)
				case err != nil:
					return err // refused
				}
				time.Sleep(100 * time.Millisecond)
			}
			return nil
		},
		Twin: func(ctx context.Context, s scene.Stage) error {
			a, err := writer(ctx, s)
			if err == nil {
				_, err = a.Do(ctx, "write", "/data/x", "1048576")
			}
			return err
		},
	}}
}

// writer is a container with a volume of 2 MiB.
func writer(ctx context.Context, s scene.Stage) (scene.Actor, error) {
	a, err := s.Start(ctx, scene.Options{Host: container.HostConfig{Mounts: []mount.Mount{volume("2m")}}})
	if err != nil {
		return nil, probe.Untried("%w", err)
	}
	return a, nil
}
