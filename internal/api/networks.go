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

func decodeConnect(c *call) (network.ConnectRequest, error) {
	r, err := body[network.ConnectRequest](c, nil)
	if err == nil && r.Container == "" {
		err = invalid("no container is named in the body")
	}
	return r, err
}

func postConnect(c *call, r network.ConnectRequest) error {
	if err := c.s.engine.NetworkConnect(c.ctx(), c.name, r); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

func decodeDisconnect(c *call) (network.DisconnectRequest, error) {
	r, err := body[network.DisconnectRequest](c, nil)
	if err == nil && r.Container == "" {
		err = invalid("no container is named in the body")
	}
	return r, err
}

func postDisconnect(c *call, r network.DisconnectRequest) error {
	if err := c.s.engine.NetworkDisconnect(c.ctx(), c.name, r); err != nil {
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
