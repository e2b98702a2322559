package api

import (
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/plugin"
)

// notManager is Docker's answer where a cluster would be needed; clients know its words.
func notManager() error {
	return unavailable(`This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`)
}

func swarmAbsent(*call) error { return notManager() }

func swarmStart(*call) error {
	return unsupported("forming a cluster over this API is not supported by this node")
}

func swarmLeave(*call) error {
	return unavailable("This node is not part of a swarm")
}

func getPlugins(c *call) error { return c.json(http.StatusOK, []plugin.Plugin{}) }

func pluginAbsent(c *call) error {
	return fmt.Errorf("plugin %q not found: this node has no plugins%w", c.name, quiet(errdefs.ErrNotFound))
}

func pluginRefused(*call) error {
	return unsupported("plugins are not supported: they would run as root on this host")
}

func checkpointAbsent(*call) error { return unsupported("checkpoints are not supported") }

func searchAbsent(*call) error {
	return unsupported("searching a registry is not supported: look on its web page, and pull by name")
}
