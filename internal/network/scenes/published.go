package scenes

import (
	"context"
	"net/netip"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// publishing is a container that publishes its port at an address of the
// host; none is the default.
func publishing(name, address string) role {
	binding := network.PortBinding{}
	if address != "" {
		binding.HostIP = netip.MustParseAddr(address)
	}
	return role{name: "published-" + name, serves: true, ports: network.PortMap{network.MustParsePort(port + "/tcp"): {binding}}}
}

var (
	everywhere = publishing("everywhere", "0.0.0.0")
	loopback   = publishing("loopback", "127.0.0.1")
	byDefault  = publishing("default", "")
)

// toEverybody is the twin: what was published for everybody is reached.
func toEverybody(ctx context.Context, s scene.Stage) error {
	return atHost(ctx, s, everywhere, neighbourDials)
}

// published are ports that were published for the host alone.
func published() []scene.Scene {
	const source = "moby#22054"
	const shares = "network/published"
	return []scene.Scene{
		of(ports, "default", "reach a port from another machine that was published without an address", source, func(ctx context.Context, s scene.Stage) error {
			return atHost(ctx, s, byDefault, neighbourDials)
		}, shares, toEverybody),
		of(ports, "loopback", "reach a port from another machine that was published on loopback", source, func(ctx context.Context, s scene.Stage) error {
			return atHost(ctx, s, loopback, neighbourDials)
		}, shares, toEverybody),
		of(ports, "loopback-by-container", "the same at the container's own address", "moby#45610", byOwnAddress(loopback), shares, toEverybody),
		of(ports, "default-by-container", "reach a published port from another machine at the container's own address", "moby#45610", byOwnAddress(byDefault), shares, toEverybody),
		of(ports, "from-container", "reach a port from another container that was published on loopback", source, func(ctx context.Context, s scene.Stage) error {
			return atHost(ctx, s, loopback, func(ctx context.Context, s scene.Stage, _ netip.Addr, port string) error {
				e, err := attacker.endpoint(ctx, s, "")
				if err != nil {
					return err
				}
				return attacker.dials(ctx, s, "tcp", e.Gateway, port)
			})
		}, "network/loopback-from-host", func(ctx context.Context, s scene.Stage) error {
			return atHost(ctx, s, loopback, func(ctx context.Context, s scene.Stage, _ netip.Addr, port string) error {
				return onHost.dials(ctx, s, "tcp", netip.MustParseAddr("127.0.0.1"), port)
			})
		}),
	}
}

// byOwnAddress has the neighbour reach a published port past what publishes it.
func byOwnAddress(to role) half {
	return func(ctx context.Context, s scene.Stage) error {
		n, err := neighbourHost(ctx, s)
		if err != nil {
			return err
		}
		address, err := to.address(ctx, s)
		if err != nil {
			return err
		}
		if _, err := n.Do(ctx, "route", address.String()+"/32", hostSide.Addr().String()); err != nil {
			return probe.Untried("%w", err)
		}
		return neighbourDials(ctx, s, address, port)
	}
}

// atHost finds the host's port of one that publishes, and uses it.
func atHost(ctx context.Context, s scene.Stage, r role, use func(ctx context.Context, s scene.Stage, host netip.Addr, port string) error) error {
	hostPort, err := r.hostPort(ctx, s)
	if err != nil {
		return err
	}
	return use(ctx, s, hostSide.Addr(), hostPort)
}

// hostPort is the port of the host that a member's is published as.
func (r role) hostPort(ctx context.Context, s scene.Stage) (string, error) {
	a, err := r.enter(ctx, s)
	if err != nil {
		return "", err
	}
	res, err := s.API().ContainerInspect(ctx, a.ID(), client.ContainerInspectOptions{})
	if err != nil {
		return "", probe.Untried("%w", err)
	}
	for _, bindings := range res.Container.NetworkSettings.Ports {
		for _, b := range bindings {
			if b.HostPort != "" {
				return b.HostPort, nil
			}
		}
	}
	return "", probe.Untried("%s has no port of the host", r.name)
}
