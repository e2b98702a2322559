package translate

import (
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ImageConfig is what of a container's configuration belongs into an image; nil gives an empty one.
func ImageConfig(c *container.Config) dockerspec.DockerOCIImageConfig {
	if c == nil {
		return dockerspec.DockerOCIImageConfig{}
	}
	out := dockerspec.DockerOCIImageConfig{
		ImageConfig: ocispec.ImageConfig{
			User: c.User, Env: c.Env, Entrypoint: c.Entrypoint, Cmd: c.Cmd, Volumes: c.Volumes, WorkingDir: c.WorkingDir, Labels: c.Labels, StopSignal: c.StopSignal,
		},
		DockerOCIImageConfigExt: dockerspec.DockerOCIImageConfigExt{Healthcheck: c.Healthcheck, OnBuild: c.OnBuild, Shell: c.Shell},
	}
	for p := range c.ExposedPorts {
		if out.ExposedPorts == nil {
			out.ExposedPorts = make(map[string]struct{})
		}
		out.ExposedPorts[p.String()] = struct{}{}
	}
	return out
}

// Over completes a configuration for an image with that of the container which the image is made of, by the rules of Merge.
func Over(over dockerspec.DockerOCIImageConfig, c *container.Config) (dockerspec.DockerOCIImageConfig, error) {
	upper := container.Config{
		User: over.User, Env: over.Env, Entrypoint: over.Entrypoint, Cmd: over.Cmd, Volumes: over.Volumes, WorkingDir: over.WorkingDir,
		Labels: over.Labels, StopSignal: over.StopSignal, Healthcheck: over.Healthcheck, OnBuild: over.OnBuild, Shell: over.Shell,
	}
	if err := mergePorts(&upper, over.ExposedPorts); err != nil {
		return over, err
	}
	merged, err := Merge(&upper, ImageConfig(c))
	return ImageConfig(&merged), err
}
