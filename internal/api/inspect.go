package api

import (
	"net/http"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// inspectRequest says whether sizes on disk are wanted.
type inspectRequest struct{ size bool }

func decodeInspect(c *call) (inspectRequest, error) {
	return inspectRequest{size: c.q.flag("size")}, nil
}

// oldInspection is an inspection for clients before API 1.52.
type oldInspection struct {
	engine.Inspection
	NetworkSettings *oldNetworkSettings
}

// oldNetworkSettings repeats the address on the default network at the top,
// where scripts still look for it (docker inspect -f '{{.NetworkSettings.IPAddress}}').
type oldNetworkSettings struct {
	*container.NetworkSettings
	EndpointID          string
	Gateway             string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	MacAddress          string
}

func getContainer(c *call, r inspectRequest) error {
	found, err := c.s.engine.Inspect(c.ctx(), c.name, r.size)
	if err != nil {
		return err
	}
	if c.version < mkVersion(1, 48) {
		found.ImageManifestDescriptor = nil
	}
	if c.version >= mkVersion(1, 52) || found.NetworkSettings == nil {
		return c.json(http.StatusOK, found)
	}
	old := &oldNetworkSettings{NetworkSettings: found.NetworkSettings}
	if ep := found.NetworkSettings.Networks[network.NetworkBridge]; ep != nil {
		old.EndpointID, old.MacAddress = ep.EndpointID, ep.MacAddress.String()
		old.IPPrefixLen, old.GlobalIPv6PrefixLen = ep.IPPrefixLen, ep.GlobalIPv6PrefixLen
		old.Gateway, old.IPAddress = addr(ep.Gateway), addr(ep.IPAddress)
		old.IPv6Gateway, old.GlobalIPv6Address = addr(ep.IPv6Gateway), addr(ep.GlobalIPv6Address)
	}
	return c.json(http.StatusOK, oldInspection{Inspection: found, NetworkSettings: old})
}
