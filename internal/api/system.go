package api

import (
	"net/http"

	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/api/types/system"
)

// ping answers whether the node is there. Clients negotiate the version by its headers.
func ping(c *call) error {
	h := c.w.Header()
	h.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Builder-Version", "2")
	h.Set("Swarm", string(swarm.LocalNodeStateInactive))
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if c.r.Method == http.MethodHead {
		h.Set("Content-Length", "0")
		return c.empty(http.StatusOK)
	}
	h.Set("Content-Length", "2")
	c.w.WriteHeader(http.StatusOK)
	_, err := c.w.Write([]byte("OK"))
	return err
}

func getVersion(c *call) error {
	v, err := c.s.engine.Version(c.ctx())
	if err != nil {
		return err
	}
	v.APIVersion, v.MinAPIVersion = MaxVersion, MinVersion
	for i := range v.Components {
		// Older command lines show the versions from here.
		if d := &v.Components[i]; d.Name == "Engine" && d.Details["ApiVersion"] == "" {
			details := map[string]string{"ApiVersion": MaxVersion, "MinAPIVersion": MinVersion, "Experimental": "false"}
			for k, v := range d.Details {
				details[k] = v
			}
			d.Details = details
		}
	}
	return c.json(http.StatusOK, v)
}

func getInfo(c *call) error {
	info, err := c.s.engine.Info(c.ctx())
	if err != nil {
		return err
	}
	info.SecurityOptions = append(info.SecurityOptions, c.s.proofOption(c.ctx())...)
	if info.Swarm.LocalNodeState == "" {
		info.Swarm.LocalNodeState = swarm.LocalNodeStateInactive
	}
	if c.version < mkVersion(1, 50) {
		return c.json(http.StatusOK, infoBefore150(c.version, info))
	}
	return c.json(http.StatusOK, info)
}

// oldInfo has what clients before API 1.50 look for: whether the host's firewall sees what a bridge forwards, which Bailey
// neither needs nor changes, and before 1.49 the versions that a program was built to work with.
type oldInfo struct {
	system.Info
	BridgeNfIptables  bool
	BridgeNfIP6tables bool `json:"BridgeNfIp6tables"`
	ContainerdCommit  oldCommit
	RuncCommit        oldCommit
	InitCommit        oldCommit
}

type oldCommit struct {
	ID       string
	Expected string `json:",omitempty"`
}

func infoBefore150(v version, info system.Info) oldInfo {
	commit := func(c system.Commit) oldCommit {
		if v < mkVersion(1, 49) {
			return oldCommit{c.ID, c.ID}
		}
		return oldCommit{ID: c.ID}
	}
	return oldInfo{Info: info, ContainerdCommit: commit(info.ContainerdCommit), RuncCommit: commit(info.RuncCommit), InitCommit: commit(info.InitCommit)}
}

func decodeAuth(c *call) (registry.AuthConfig, error) {
	return body[registry.AuthConfig](c, legacyAuth)
}

// postAuth tries credentials on a registry.
func postAuth(c *call, a registry.AuthConfig) error {
	answer, err := c.s.engine.RegistryLogin(c.ctx(), a)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, answer)
}
