package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	units "github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// SecretAnnotation carries the names of the secrets that a container gets,
// separated by commas: the Docker API has no field for them outside a swarm.
const SecretAnnotation = "run.bailey.secret"

// Input is everything Request is made of. Config is merged with the image's.
type Input struct {
	ID         string
	Config     *container.Config
	Host       *container.HostConfig
	Networking *network.NetworkingConfig
	Identity   sandbox.Identity
	Mounts     []sandbox.Mount
	Devices    []sandbox.Device
}

// Request states the whole wish in the sandbox's terms.
func Request(in Input) (sandbox.Request, error) {
	if err := unsupported(in.Host); err != nil {
		return sandbox.Request{}, err
	}
	if err := checkHealth(in.Config.Healthcheck); err != nil {
		return sandbox.Request{}, err
	}
	c, h := in.Config, in.Host
	log, err := logLimits(h.LogConfig)
	if err != nil {
		return sandbox.Request{}, err
	}
	root, err := storage(h.StorageOpt)
	if err != nil {
		return sandbox.Request{}, err
	}
	annotations, secrets := splitSecrets(h.Annotations)
	r := sandbox.Request{
		ID: in.ID, Hostname: c.Hostname, Domainname: c.Domainname,
		Args: slices.Concat(c.Entrypoint, c.Cmd), Env: c.Env, WorkingDir: c.WorkingDir,
		Identity: in.Identity, Umask: h.Umask,
		Terminal: c.Tty, Init: h.Init != nil && *h.Init, Privileged: h.Privileged,
		CapAdd: h.CapAdd, CapDrop: h.CapDrop, SecurityOpt: h.SecurityOpt,
		Namespaces: map[string]string{
			"pid": string(h.PidMode), "ipc": string(h.IpcMode), "uts": string(h.UTSMode),
			"cgroup": string(h.CgroupnsMode), "user": string(h.UsernsMode),
		},
		Devices: in.Devices, DeviceCgroupRules: h.DeviceCgroupRules, DeviceRequests: deviceRequests(h.DeviceRequests),
		Mounts: in.Mounts, Sysctls: h.Sysctls, Ulimits: ulimits(h.Ulimits),
		OomScoreAdj: h.OomScoreAdj, Secrets: secrets,
		MaskedPaths: pathList(h.MaskedPaths), ReadonlyPaths: pathList(h.ReadonlyPaths),
		Log: log, RootSizeBytes: root, CgroupParent: h.CgroupParent, Runtime: h.Runtime, Annotations: annotations,
	}
	r.Network, r.Networks = networks(h.NetworkMode, in.Networking, c.NetworkDisabled)
	if r.Ports, err = ports(c, h); err != nil {
		return sandbox.Request{}, err
	}
	if r.Resources, err = resources(h); err != nil {
		return sandbox.Request{}, err
	}
	return r, nil
}

// unsupported names what the Docker API has and this node does not.
func unsupported(h *container.HostConfig) error {
	switch {
	case len(h.Links) > 0 && (h.NetworkMode == "" || !h.NetworkMode.IsUserDefined()):
		return fmt.Errorf("container links: on the default network no container reaches another; put both on one of their own with `bailey network create NAME` and --network NAME, where they find each other by name and links work: %w", errdefs.ErrNotImplemented)
	case h.VolumeDriver != "" && h.VolumeDriver != "local":
		return fmt.Errorf("volume driver %q: this node has only \"local\": %w", h.VolumeDriver, errdefs.ErrInvalidArgument)
	case h.Isolation != "" && h.Isolation != "default":
		return fmt.Errorf("isolation %q is for Windows: %w", h.Isolation, errdefs.ErrInvalidArgument)
	case h.AutoRemove && h.RestartPolicy.Name != "" && h.RestartPolicy.Name != container.RestartPolicyDisabled:
		return fmt.Errorf("conflicting options: cannot set both --rm and --restart: %w", errdefs.ErrInvalidArgument)
	}
	for flag, mode := range map[string]string{"--network": string(h.NetworkMode), "--pid": string(h.PidMode), "--ipc": string(h.IpcMode)} {
		if strings.HasPrefix(mode, "container:") {
			return fmt.Errorf("%s %s: namespaces are not shared between containers; put both on a network of their own with `bailey network create`: %w", flag, mode, errdefs.ErrNotImplemented)
		}
	}
	return CheckRestart(h.RestartPolicy)
}

// CheckRestart refuses a restart policy that makes no sense.
func CheckRestart(p container.RestartPolicy) error {
	switch p.Name {
	case "", container.RestartPolicyDisabled, container.RestartPolicyAlways, container.RestartPolicyUnlessStopped, container.RestartPolicyOnFailure:
	default:
		return fmt.Errorf("invalid restart policy: unknown policy '%s': use no, on-failure[:N], unless-stopped or always: %w", p.Name, errdefs.ErrInvalidArgument)
	}
	switch n := p.MaximumRetryCount; {
	case n < 0:
		return fmt.Errorf("invalid restart policy: maximum retry count cannot be negative and is %d: %w", n, errdefs.ErrInvalidArgument)
	case n > 0 && p.Name != container.RestartPolicyOnFailure:
		return fmt.Errorf("invalid restart policy: maximum retry count can only be used with 'on-failure' and not with '%s': %w", p.Name, errdefs.ErrInvalidArgument)
	}
	return nil
}

func splitSecrets(all map[string]string) (rest map[string]string, secrets []string) {
	for k, v := range all {
		if k != SecretAnnotation {
			if rest == nil {
				rest = make(map[string]string)
			}
			rest[k] = v
			continue
		}
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				secrets = append(secrets, name)
			}
		}
	}
	return rest, secrets
}

func pathList(p []string) *[]string {
	if p == nil {
		return nil
	}
	return &p
}

func ulimits(in []*container.Ulimit) []sandbox.Ulimit {
	var out []sandbox.Ulimit
	for _, u := range in {
		if u != nil {
			out = append(out, sandbox.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
		}
	}
	return out
}

func deviceRequests(in []container.DeviceRequest) []string {
	var out []string
	for _, d := range in {
		name := d.Driver
		if name == "" {
			name = "gpu"
		}
		out = append(out, name)
	}
	return out
}

// networks returns the network of the container and those it joins besides.
func networks(mode container.NetworkMode, n *network.NetworkingConfig, disabled bool) (string, []string) {
	first := string(mode)
	if disabled {
		first = "none"
	}
	if first == "" || first == "bridge" {
		first = "default"
	}
	var more []string
	if n != nil {
		for name := range n.EndpointsConfig {
			if name != first && !(first == "default" && (name == "bridge" || name == "default")) {
				more = append(more, name)
			}
		}
	}
	slices.Sort(more)
	return first, more
}

func logLimits(l container.LogConfig) (sandbox.LogLimits, error) {
	switch l.Type {
	case "none":
		return sandbox.LogLimits{Disabled: true}, nil
	case "", "json-file", "local":
	default:
		return sandbox.LogLimits{}, fmt.Errorf("log driver %q: this node writes json-file (the default) or none: %w", l.Type, errdefs.ErrInvalidArgument)
	}
	var out sandbox.LogLimits
	for k, v := range l.Config {
		var err error
		switch k {
		case "max-size":
			out.MaxSizeBytes, err = units.RAMInBytes(v)
			if v == "-1" {
				out.MaxSizeBytes, err = -1, nil
			}
		case "max-file":
			_, err = fmt.Sscanf(v, "%d", &out.MaxFiles)
		default:
			return out, fmt.Errorf("log option %q: this node knows max-size and max-file: %w", k, errdefs.ErrInvalidArgument)
		}
		if err != nil {
			return out, fmt.Errorf("log option %s=%q: %w: %w", k, v, err, errdefs.ErrInvalidArgument)
		}
	}
	return out, nil
}
