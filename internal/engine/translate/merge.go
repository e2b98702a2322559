package translate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// Merge completes a request's configuration with that of its image, by the
// rules that Docker has: the request wins, environments and labels are joined,
// and a request that names an entry point drops the image's command.
func Merge(cfg *container.Config, img dockerspec.DockerOCIImageConfig) (container.Config, error) {
	out := *cfg
	if out.User == "" {
		out.User = img.User
	}
	if out.WorkingDir == "" {
		out.WorkingDir = img.WorkingDir
	}
	if out.StopSignal == "" {
		out.StopSignal = img.StopSignal
	}
	if slices.Contains(cfg.Env, "") {
		return out, fmt.Errorf("invalid environment variable: %q: an entry is NAME=value: %w", "", errdefs.ErrInvalidArgument)
	}
	out.Env = mergeEnv(img.Env, cfg.Env)
	out.Labels = mergeMaps(img.Labels, cfg.Labels)
	out.Volumes = mergeMaps(img.Volumes, cfg.Volumes)
	if err := mergePorts(&out, img.ExposedPorts); err != nil {
		return out, err
	}
	if len(cfg.Entrypoint) == 0 {
		if len(cfg.Cmd) == 0 {
			out.Cmd = slices.Clone(img.Cmd)
		}
		if cfg.Entrypoint == nil {
			out.Entrypoint = slices.Clone(img.Entrypoint)
		}
	}
	if len(out.Entrypoint) == 1 && out.Entrypoint[0] == "" {
		out.Entrypoint = nil // Docker's way to clear the image's
	}
	if len(out.Entrypoint)+len(out.Cmd) == 0 {
		return out, fmt.Errorf("no command specified: the image has none, so give one after its name: %w", errdefs.ErrInvalidArgument)
	}
	out.Healthcheck = mergeHealth(cfg.Healthcheck, img.Healthcheck)
	return out, nil
}

// mergeEnv puts the request's variables over the image's, keeping the order.
func mergeEnv(base, over []string) []string {
	name := func(kv string) string { n, _, _ := strings.Cut(kv, "="); return n }
	out := slices.Clone(base)
	for _, kv := range over {
		if i := slices.IndexFunc(out, func(b string) bool { return name(b) == name(kv) }); i >= 0 {
			out[i] = kv
		} else {
			out = append(out, kv)
		}
	}
	// A name without a value asks to leave the variable out.
	return slices.DeleteFunc(out, func(kv string) bool { return !strings.Contains(kv, "=") })
}

func mergeMaps[V any](base, over map[string]V) map[string]V {
	if len(base)+len(over) == 0 {
		return nil
	}
	out := make(map[string]V, len(base)+len(over))
	maps.Copy(out, base)
	maps.Copy(out, over)
	return out
}

func mergePorts(out *container.Config, exposed map[string]struct{}) error {
	ports := make(network.PortSet, len(exposed)+len(out.ExposedPorts))
	maps.Copy(ports, out.ExposedPorts)
	for text := range exposed {
		p, err := network.ParsePort(text)
		if err != nil {
			return fmt.Errorf("exposed port %q of the image: %w: %w", text, err, errdefs.ErrInvalidArgument)
		}
		ports[p] = struct{}{}
	}
	if len(ports) > 0 {
		out.ExposedPorts = ports
	}
	return nil
}

func mergeHealth(over, base *dockerspec.HealthcheckConfig) *dockerspec.HealthcheckConfig {
	if over == nil || base == nil {
		if over == nil {
			return base
		}
		return over
	}
	out := *over
	if len(out.Test) == 0 {
		out.Test = base.Test
	}
	if out.Interval == 0 {
		out.Interval = base.Interval
	}
	if out.Timeout == 0 {
		out.Timeout = base.Timeout
	}
	if out.StartPeriod == 0 {
		out.StartPeriod = base.StartPeriod
	}
	if out.StartInterval == 0 {
		out.StartInterval = base.StartInterval
	}
	if out.Retries == 0 {
		out.Retries = base.Retries
	}
	return &out
}
