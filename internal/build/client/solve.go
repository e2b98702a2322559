package client

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildctl/build"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/tonistiigi/fsutil"

	"github.com/bailey-run/bailey/internal/build/creds"
)

// solve is the build in BuildKit's words. done gives back what was opened for it.
func (o *Options) solve(ctx context.Context) (opt bkclient.SolveOpt, done func(), err error) {
	opt = bkclient.SolveOpt{Frontend: "dockerfile.v0", FrontendAttrs: map[string]string{}, LocalMounts: map[string]fsutil.FS{}}
	cleaners := []func(){}
	done = func() {
		for _, clean := range cleaners {
			clean()
		}
	}
	defer func() {
		if err != nil {
			done()
		}
	}()
	clean, err := o.files(&opt)
	if clean != nil {
		cleaners = append(cleaners, clean)
	}
	if err != nil {
		return opt, nil, err
	}
	for _, step := range []func(*bkclient.SolveOpt) error{o.attributes, o.network, o.values, o.attestations, o.sessions, o.caches, o.exports} {
		if err = step(&opt); err != nil {
			return opt, nil, err
		}
	}
	o.source(ctx, opt.FrontendAttrs)
	return opt, done, nil
}

// attributes are what is handed on as it is.
func (o *Options) attributes(opt *bkclient.SolveOpt) error {
	set := func(key, value string) {
		if value != "" {
			opt.FrontendAttrs[key] = value
		}
	}
	set("target", o.Target)
	set("platform", strings.Join(o.Platforms, ","))
	set("ulimit", strings.Join(o.Ulimits, ","))
	opt.FrontendAttrs["image-resolve-mode"] = "local"
	if o.Pull {
		opt.FrontendAttrs["image-resolve-mode"] = "pull"
	}
	switch {
	case o.NoCache:
		opt.FrontendAttrs["no-cache"] = ""
	case len(o.NoCacheStages) > 0:
		opt.FrontendAttrs["no-cache"] = strings.Join(o.NoCacheStages, ",")
	}
	if o.ShmSize != "" {
		size, err := units.RAMInBytes(o.ShmSize)
		if err != nil {
			return fmt.Errorf("--shm-size %q: %w", o.ShmSize, err)
		}
		opt.FrontendAttrs["shm-size"] = strconv.FormatInt(size, 10)
	}
	var hosts []string
	for _, h := range o.AddHosts {
		name, ip, ok := strings.Cut(h, "=")
		if !ok {
			name, ip, ok = strings.Cut(h, ":")
		}
		if !ok {
			return fmt.Errorf("--add-host %q: say NAME=ADDRESS", h)
		}
		hosts = append(hosts, name+"="+strings.Trim(ip, "[]"))
	}
	set("add-hosts", strings.Join(hosts, ","))
	return nil
}

// network asks for what is not the default.
func (o *Options) network(opt *bkclient.SolveOpt) error {
	opt.AllowedEntitlements = append(opt.AllowedEntitlements, o.Allow...)
	switch o.Network {
	case "", "default":
		return nil
	case "none":
	case "host":
		opt.AllowedEntitlements = append(opt.AllowedEntitlements, "network.host")
	default:
		return fmt.Errorf("--network %q: a build has default, none or host", o.Network)
	}
	opt.FrontendAttrs["force-network-mode"] = o.Network
	return nil
}

// values are build arguments and labels.
func (o *Options) values(opt *bkclient.SolveOpt) error {
	for _, arg := range o.BuildArgs {
		name, value, ok := strings.Cut(arg, "=")
		if name == "" {
			return fmt.Errorf("--build-arg %q: say NAME=VALUE", arg)
		}
		if !ok {
			if value, ok = o.Environment(name); !ok {
				continue // as Docker has it: the Dockerfile's own default counts
			}
		}
		opt.FrontendAttrs["build-arg:"+name] = value
	}
	if epoch, ok := o.Environment("SOURCE_DATE_EPOCH"); ok && opt.FrontendAttrs["build-arg:SOURCE_DATE_EPOCH"] == "" {
		opt.FrontendAttrs["build-arg:SOURCE_DATE_EPOCH"] = epoch
	}
	for _, label := range o.Labels {
		name, value, _ := strings.Cut(label, "=")
		if name == "" {
			return fmt.Errorf("--label %q: say NAME=VALUE", label)
		}
		opt.FrontendAttrs["label:"+name] = value
	}
	return nil
}

// attestations asks for more, or other, than the node records by itself.
func (o *Options) attestations(opt *bkclient.SolveOpt) error {
	for kind, value := range map[string]string{"provenance": o.Provenance, "sbom": o.SBOM} {
		switch value {
		case "", "false":
		case "true":
			opt.FrontendAttrs["attest:"+kind] = ""
		default:
			if !strings.Contains(value, "=") {
				return fmt.Errorf("--%s %q: say true, false, or attributes such as mode=max", kind, value)
			}
			opt.FrontendAttrs["attest:"+kind] = value
		}
	}
	return nil
}

// sessions are what the node may ask for while it builds.
func (o *Options) sessions(opt *bkclient.SolveOpt) error {
	if o.Credentials != nil {
		opt.Session = append(opt.Session, creds.Attachable(o.Credentials))
	}
	if len(o.Secrets) > 0 {
		secrets, err := build.ParseSecret(o.Secrets)
		if err != nil {
			return fmt.Errorf("--secret: %w", err)
		}
		opt.Session = append(opt.Session, secrets)
	}
	if len(o.SSH) > 0 {
		agents, err := build.ParseSSH(o.SSH)
		if err != nil {
			return fmt.Errorf("--ssh: %w", err)
		}
		ssh, err := sshprovider.NewSSHAgentProvider(agents)
		if err != nil {
			return fmt.Errorf("--ssh: %w", err)
		}
		opt.Session = append(opt.Session, ssh)
	}
	return nil
}

// caches are where layers are looked for, and where they go.
func (o *Options) caches(opt *bkclient.SolveOpt) (err error) {
	if opt.CacheImports, err = build.ParseImportCache(named("registry", "ref", o.CacheFrom)); err != nil {
		return fmt.Errorf("--cache-from: %w", err)
	}
	if opt.CacheExports, err = build.ParseExportCache(named("registry", "ref", o.CacheTo)); err != nil {
		return fmt.Errorf("--cache-to: %w", err)
	}
	return nil
}

// named writes out entries that are only a name, as people write them.
func named(kind, key string, entries []string) []string {
	var out []string
	for _, e := range entries {
		if !strings.Contains(e, "=") {
			e = "type=" + kind + "," + key + "=" + e
		}
		out = append(out, e)
	}
	return out
}

// exports are where the result goes: into the node's image store, unless something else is asked for.
func (o *Options) exports(opt *bkclient.SolveOpt) error {
	var outputs []string
	for _, out := range o.Outputs {
		switch {
		case out == "-":
			out = "type=tar,dest=-"
		case !strings.Contains(out, "="):
			out = "type=local,dest=" + out
		}
		outputs = append(outputs, out)
	}
	for i, out := range outputs {
		// An archive for nobody: the image itself is meant.
		if strings.Contains(out, "type=docker") && !strings.Contains(out, "dest=") {
			outputs[i] = strings.Replace(out, "type=docker", "type=image", 1)
		}
	}
	var err error
	if opt.Exports, err = build.ParseOutput(outputs); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	if len(opt.Exports) == 0 {
		opt.Exports = []bkclient.ExportEntry{{Type: bkclient.ExporterImage, Attrs: map[string]string{}}}
	}
	for i, e := range opt.Exports {
		if e.Attrs["name"] == "" && len(o.Tags) > 0 && e.Type != bkclient.ExporterLocal && e.Type != bkclient.ExporterTar {
			opt.Exports[i].Attrs["name"] = strings.Join(o.Tags, ",")
		}
	}
	return nil
}
