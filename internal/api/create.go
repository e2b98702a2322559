package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
)

// createBody is what clients send to create a container, with the old keys that
// still have a meaning.
type createBody struct {
	container.CreateRequest
	// MacAddress is the container's on its main network; removed in API 1.52.
	MacAddress network.HardwareAddr
	// Name and Platform repeat the parameters of the request; dockerode sends all of its options twice.
	Name     string `json:"name"`
	Platform string `json:"platform"`
}

// createRequest is a create as it is authorised.
type createRequest struct {
	engine.CreateRequest
	warnings []string
}

func (r createRequest) object() string { return r.Name }

func decodeCreate(c *call) (createRequest, error) {
	name, platform := c.q.text("name"), c.q.text("platform")
	b, err := body[createBody](c, legacyCreate)
	if err != nil {
		return createRequest{}, err
	}
	switch {
	case b.Config == nil:
		return createRequest{}, invalid("config cannot be empty in order to create a container")
	case b.Name != "" && b.Name != name, b.Platform != "" && b.Platform != platform:
		return createRequest{}, invalid("name and platform stand in the body and differ from the parameters of that name")
	}
	r := createRequest{CreateRequest: engine.CreateRequest{
		Name: strings.TrimPrefix(name, "/"), Config: b.Config, HostConfig: b.HostConfig, Networking: b.NetworkingConfig, Caller: c.caller,
	}}
	if r.HostConfig == nil {
		r.HostConfig = &container.HostConfig{}
	}
	if r.Networking == nil {
		r.Networking = &network.NetworkingConfig{}
	}
	if r.Platform, err = parsePlatform(platform); err != nil {
		return createRequest{}, err
	}
	if err := checkMounts(r.HostConfig.Mounts); err != nil {
		return createRequest{}, err
	}
	if len(r.Networking.EndpointsConfig) > 1 && c.version < mkVersion(1, 44) {
		return createRequest{}, invalid("Container cannot be created with multiple network endpoints before API 1.44: connect it to the others afterwards")
	}
	fillPorts(r.HostConfig.PortBindings)
	dropUnset(r.HostConfig)
	return r, r.moveMAC(c.version, b.MacAddress)
}

// checkMounts refuses options that belong to another type of mount: they would be ignored.
func checkMounts(mounts []mount.Mount) error {
	for i, m := range mounts {
		wrong := ""
		switch {
		case m.BindOptions != nil && m.Type != mount.TypeBind:
			wrong = "BindOptions"
		case m.VolumeOptions != nil && m.Type != mount.TypeVolume:
			wrong = "VolumeOptions"
		case m.TmpfsOptions != nil && m.Type != mount.TypeTmpfs:
			wrong = "TmpfsOptions"
		case m.ImageOptions != nil && m.Type != mount.TypeImage:
			wrong = "ImageOptions"
		default:
			continue
		}
		return invalid("HostConfig.Mounts[%d]: %s must not be specified on mount type %q", i, wrong, m.Type)
	}
	return nil
}

// fillPorts gives a port that is to be published without saying where one
// binding that leaves address and port to the engine, as Docker does.
func fillPorts(ports network.PortMap) {
	for p, bindings := range ports {
		if len(bindings) == 0 {
			ports[p] = []network.PortBinding{{}}
		}
	}
}

// dropUnset takes out what Docker's command line sends for limits that were not
// given. That nothing may be asked for as "unlimited" by leaving it out matters:
// 0 processes is its way to say nothing, -1 to say unlimited.
func dropUnset(h *container.HostConfig) {
	if h.PidsLimit != nil && *h.PidsLimit == 0 {
		h.PidsLimit = nil
	}
	if h.MemorySwappiness != nil && *h.MemorySwappiness == -1 {
		h.MemorySwappiness = nil
	}
}

// moveMAC puts the container's own hardware address, which clients before API
// 1.44 send, where it belongs: on the endpoint of its main network.
func (r *createRequest) moveMAC(v version, mac network.HardwareAddr) error {
	if len(mac) == 0 {
		return nil
	}
	if v >= mkVersion(1, 52) {
		return invalid("container-wide MAC address no longer supported; use endpoint-specific MAC address instead")
	}
	name := string(r.HostConfig.NetworkMode)
	if name == "" {
		name = network.NetworkDefault
	}
	if r.HostConfig.NetworkMode.IsNone() || r.HostConfig.NetworkMode.IsHost() || r.HostConfig.NetworkMode.IsContainer() {
		return invalid("conflicting options: mac-address and the network mode")
	}
	if r.Networking.EndpointsConfig == nil {
		r.Networking.EndpointsConfig = make(map[string]*network.EndpointSettings)
	}
	ep := r.Networking.EndpointsConfig[name]
	if ep == nil {
		ep = &network.EndpointSettings{}
		r.Networking.EndpointsConfig[name] = ep
	}
	if len(ep.MacAddress) != 0 && !slices.Equal(ep.MacAddress, mac) {
		return invalid("the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty")
	}
	ep.MacAddress = mac
	if v >= mkVersion(1, 44) {
		r.warnings = append(r.warnings, "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.")
	}
	return nil
}

func postCreate(c *call, r createRequest) error {
	made, err := c.s.engine.Create(c.ctx(), r.CreateRequest)
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, container.CreateResponse{ID: made.ID, Warnings: list(append(made.Warnings, r.warnings...))})
}
