package scenes

import (
	"context"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
)

// neighbours are other containers. The twin is a member of the same network,
// which people made so that its members meet.
func neighbours() []scene.Scene {
	meet := func(protocol string) (string, half) {
		return "network/peer-" + protocol, evil.reaches(protocol, peer, "")
	}
	apart := func(id, tries, protocol string, attack half) scene.Scene {
		shares, twin := meet(protocol)
		return of(control, id, tries, "moby#22054", attack, shares, twin)
	}
	pings := func(from, to role) half {
		return func(ctx context.Context, s scene.Stage) error {
			address, err := to.address(ctx, s)
			if err == nil {
				_, err = from.acts(ctx, s, "ping", address.String())
			}
			return err
		}
	}
	return []scene.Scene{
		apart("reach-neighbour-tcp", "reach another container over TCP", "tcp", attacker.reaches("tcp", victim, "")),
		apart("reach-neighbour-udp", "reach another container over UDP", "udp", attacker.reaches("udp", victim, "")),
		of(control, "ping-neighbour", "find another container by a ping", "moby#22054", pings(attacker, victim), "", pings(evil, peer)),
		of(control, "ping-other-network", "find a container of another network by a ping", "moby#22054", pings(evil, blue), "", pings(evil, peer)),
		apart("other-network-tcp", "reach a container of another network over TCP", "tcp", evil.reaches("tcp", blue, "")),
		apart("other-network-udp", "reach a container of another network over UDP", "udp", evil.reaches("udp", blue, "")),
		apart("network-from-default", "reach a member of a network from the default one", "tcp", attacker.reaches("tcp", peer, "")),
		apart("default-from-network", "reach a container of the default network from another one", "tcp", evil.reaches("tcp", victim, "")),
		apart("internal-from-network", "reach a member of an internal network from another one", "tcp", evil.reaches("tcp", vault, "")),
		apart("network-from-internal", "reach a member of a network from an internal one", "tcp", thief.withRoute("tcp", peer)),
		apart("default-from-internal", "reach the default network from an internal one", "udp", thief.withRoute("udp", victim)),
		of(control, "through-third", "reach another network through a container that is on both", "moby#22054", throughBoth, "", evil.reaches("tcp", both, "red")),
		of(control, "other-side", "reach a member by its address on another network", "moby#22054", evil.reaches("tcp", both, "blue"), "", evil.reaches("tcp", both, "red")),
	}
}

// withRoute has a member of an internal network make its own way out first.
func (r role) withRoute(protocol string, to role) half {
	return func(ctx context.Context, s scene.Stage) error {
		address, err := to.address(ctx, s)
		if err != nil {
			return err
		}
		e, err := r.endpoint(ctx, s, "")
		if err != nil {
			return err
		}
		if _, err := r.acts(ctx, s, "route", address.String()+"/32", e.Gateway.String()); err != nil {
			return probe.Untried("%w", err)
		}
		return r.dials(ctx, s, protocol, address, port)
	}
}

// throughBoth sends what is for another network to a container that is on both.
func throughBoth(ctx context.Context, s scene.Stage) error {
	target, err := blue.address(ctx, s)
	if err != nil {
		return err
	}
	third, err := both.addressOn(ctx, s, "red")
	if err != nil {
		return err
	}
	if _, err := evil.acts(ctx, s, "route", target.String()+"/32", third.String()); err != nil {
		return probe.Untried("%w", err)
	}
	return evil.dials(ctx, s, "tcp", target, port)
}
