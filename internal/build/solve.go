package build

import (
	"strconv"
	"strings"

	"github.com/docker/go-units"
	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"

	"github.com/bailey-run/bailey/internal/sandbox"
)

// solve is the request in BuildKit's words, without the session of a client that has none.
func (r *Request) solve() (*controlapi.SolveRequest, error) {
	s := &controlapi.SolveRequest{
		Ref: newKey(), Session: r.Session, Frontend: "dockerfile.v0", FrontendAttrs: r.attrs(), Cache: &controlapi.CacheOptions{},
	}
	switch r.Network {
	case "", "default", "bridge":
	case "none":
		s.FrontendAttrs["force-network-mode"] = "none"
	case "host":
		s.FrontendAttrs["force-network-mode"] = "host"
		s.Entitlements = []string{"network.host"}
	default:
		return nil, &sandbox.InvalidError{Field: "--network", Value: r.Network, Why: "a build has default, none or host"}
	}
	for _, ref := range r.CacheFrom {
		s.Cache.Imports = append(s.Cache.Imports, &controlapi.CacheOptionsEntry{Type: "registry", Attrs: map[string]string{"ref": ref}})
	}
	for _, o := range r.Outputs {
		s.Exporters = append(s.Exporters, &controlapi.Exporter{Type: o.Type, Attrs: o.Attrs})
	}
	if len(s.Exporters) == 0 {
		s.Exporters = []*controlapi.Exporter{{Type: client.ExporterImage, Attrs: map[string]string{"name": strings.Join(r.Tags, ",")}}}
	}
	return s, nil
}

// attrs is what the reader of the Dockerfile is told.
func (r *Request) attrs() map[string]string {
	attrs := map[string]string{"filename": "Dockerfile", "image-resolve-mode": "local"}
	set := func(key, value string) {
		if value != "" {
			attrs[key] = value
		}
	}
	set("filename", r.Dockerfile)
	set("context", r.Remote)
	set("target", r.Target)
	set("platform", r.Platform)
	set("add-hosts", strings.Join(r.ExtraHosts, ","))
	for k, v := range r.Args {
		if v != nil {
			attrs["build-arg:"+k] = *v
		}
	}
	for k, v := range r.Labels {
		attrs["label:"+k] = v
	}
	if r.NoCache {
		attrs["no-cache"] = ""
	}
	if r.Pull {
		attrs["image-resolve-mode"] = "pull"
	}
	if r.ShmSize > 0 {
		attrs["shm-size"] = strconv.FormatInt(r.ShmSize, 10)
	}
	var limits []string
	for _, u := range r.Ulimits {
		limits = append(limits, (&units.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard}).String())
	}
	set("ulimit", strings.Join(limits, ","))
	return attrs
}
