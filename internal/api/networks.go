package api

import (
	"net/http"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types/network"
)

func getNetworks(c *call, f engine.Filters) error {
	items, err := c.s.engine.NetworkList(c.ctx(), f)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, list(items))
}

func getNetwork(c *call) error {
	found, err := c.s.engine.NetworkInspect(c.ctx(), c.name)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, found)
}

// networkRequest is a network to create.
type networkRequest struct{ network.CreateRequest }

func (r networkRequest) object() string { return r.Name }

func decodeNetwork(c *call) (networkRequest, error) {
	r, err := body[network.CreateRequest](c, legacyNetwork)
	if err == nil && r.Name == "" {
		err = invalid("invalid network name: name is empty")
	}
	return networkRequest{r}, err
}

func postNetwork(c *call, r networkRequest) error {
	made, err := c.s.engine.NetworkCreate(c.ctx(), r.CreateRequest)
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, made)
}

// connectRequest and disconnectRequest name a container.
type (
	connectRequest    struct{ network.ConnectRequest }
	disconnectRequest struct{ network.DisconnectRequest }
)

func (r connectRequest) touches() string    { return r.Container }
func (r disconnectRequest) touches() string { return r.Container }

func decodeConnect(c *call) (connectRequest, error) {
	r, err := body[network.ConnectRequest](c, nil)
	if err == nil && r.Container == "" {
		err = invalid("no container is named in the body")
	}
	return connectRequest{r}, err
}

func postConnect(c *call, r connectRequest) error {
	if err := c.s.engine.NetworkConnect(c.ctx(), c.name, r.ConnectRequest); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

func decodeDisconnect(c *call) (disconnectRequest, error) {
	r, err := body[network.DisconnectRequest](c, nil)
	if err == nil && r.Container == "" {
		err = invalid("no container is named in the body")
	}
	return disconnectRequest{r}, err
}

func postDisconnect(c *call, r disconnectRequest) error {
	if err := c.s.engine.NetworkDisconnect(c.ctx(), c.name, r.DisconnectRequest); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

func deleteNetwork(c *call) error {
	if err := c.s.engine.NetworkRemove(c.ctx(), c.name); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

func pruneNetworks(c *call, f engine.Filters) error {
	report, err := c.s.engine.NetworkPrune(c.ctx(), f)
	if err != nil {
		return err
	}
	report.NetworksDeleted = list(report.NetworksDeleted)
	return c.json(http.StatusOK, report)
}
