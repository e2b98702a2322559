package translate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// ports lists what is to be published: the bindings, and with
// --publish-all every exposed port that has none.
func ports(c *container.Config, h *container.HostConfig) ([]sandbox.Port, error) {
	var out []sandbox.Port
	for port, bindings := range h.PortBindings {
		if len(bindings) == 0 {
			bindings = []network.PortBinding{{}}
		}
		for _, b := range bindings {
			p := sandbox.Port{HostIP: b.HostIP, ContainerPort: port.Num(), Proto: string(port.Proto())}
			if b.HostPort != "" {
				n, err := strconv.ParseUint(b.HostPort, 10, 16)
				if err != nil {
					return nil, fmt.Errorf("host port %q for %s: give one port from 1 to 65535: %w", b.HostPort, port, errdefs.ErrInvalidArgument)
				}
				p.HostPort = uint16(n)
			}
			out = append(out, p)
		}
	}
	if h.PublishAllPorts {
		for port := range c.ExposedPorts {
			if _, bound := h.PortBindings[port]; !bound {
				out = append(out, sandbox.Port{ContainerPort: port.Num(), Proto: string(port.Proto())})
			}
		}
	}
	slices.SortFunc(out, func(a, b sandbox.Port) int {
		if d := int(a.ContainerPort) - int(b.ContainerPort); d != 0 {
			return d
		}
		if d := strings.Compare(a.Proto, b.Proto); d != 0 {
			return d
		}
		return int(a.HostPort) - int(b.HostPort)
	})
	return out, nil
}
