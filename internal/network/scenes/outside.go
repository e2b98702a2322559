package scenes

import (
	"context"
	"net"
	"net/netip"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
)

// outside are attacks that the host's neighbour takes part in: as what must
// not be reached, or as who must not reach.
func outside() []scene.Scene {
	list := []scene.Scene{
		of(control, "link-local", "reach a link-local address", "RFC 3927", toNeighbour(attacker, linkLocal.Addr(), port), "network/on-host-out", toNeighbour(onHost, linkLocal.Addr(), port)),
		of(control, "link-local-from-network", "reach a link-local address from a network", "RFC 3927", toNeighbour(evil, linkLocal.Addr(), port), "network/on-host-out", toNeighbour(onHost, linkLocal.Addr(), port)),
		of(control, "out-of-internal", "leave an internal network", "CVE-2024-29018", outOfInternal, "network/out", toNeighbour(evil, neighbour.Addr(), port)),
		of(control, "in-unpublished", "reach a port that was not published, from another machine", "moby#14041", fromNeighbour(victim), "network/published", toEverybody),
		of(control, "in-network-unpublished", "reach a port of a network's member that was not published, from another machine", "moby#14041", fromNeighbour(peer), "network/published", toEverybody),
		of(control, "in-host-address", "reach a service of the host at its other address from a container", "moby#22054", hostAddress(attacker), "network/host-address", hostAddress(onHost)),
		of(control, "in-resolver", "use the containers' resolver from another machine", "RFC 5358", neighbourAsks, "network/ask-own", asks(evil, evil)),
	}
	for _, a := range metadata {
		list = append(list, of(control, "metadata-"+a.String(), "ask the cloud's metadata service at "+a.String(), "CVE-2019-5736, SSRF",
			toNeighbour(attacker, a, "80"), "network/on-host-"+a.String(), toNeighbour(onHost, a, "80")))
	}
	return list
}

// toNeighbour has a member reach an address of the neighbour's.
func toNeighbour(from role, to netip.Addr, port string) half {
	return func(ctx context.Context, s scene.Stage) error {
		n, err := neighbourHost(ctx, s)
		if err != nil {
			return err
		}
		if port == "80" {
			if _, err := scene.Once(ctx, s, "network/metadata", func(ctx context.Context, _ scene.Stage) (bool, error) {
				return true, n.Begin(ctx, "serve", "tcp", ":80")
			}); err != nil {
				return probe.Untried("%w", err)
			}
		}
		return from.dials(ctx, s, "tcp", to, port)
	}
}

// outOfInternal has a member of an internal network make its own way out.
func outOfInternal(ctx context.Context, s scene.Stage) error {
	if _, err := neighbourHost(ctx, s); err != nil {
		return err
	}
	e, err := thief.endpoint(ctx, s, "")
	if err != nil {
		return err
	}
	if _, err := thief.acts(ctx, s, "route", neighbour.Addr().String()+"/32", e.Gateway.String()); err != nil {
		return probe.Untried("%w", err)
	}
	return thief.dials(ctx, s, "tcp", neighbour.Addr(), port)
}

// fromNeighbour has the neighbour reach a member by the member's own address.
func fromNeighbour(to role) half {
	return func(ctx context.Context, s scene.Stage) error {
		address, err := to.address(ctx, s)
		if err != nil {
			return err
		}
		return neighbourDials(ctx, s, address, port)
	}
}

func neighbourDials(ctx context.Context, s scene.Stage, to netip.Addr, port string) error {
	n, err := neighbourHost(ctx, s)
	if err == nil {
		_, err = n.Do(ctx, "dial", "tcp", net.JoinHostPort(to.String(), port))
	}
	return err
}

// hostAddress has a member reach a service of the host at the address that the
// host has on another network.
func hostAddress(from role) half {
	return func(ctx context.Context, s scene.Stage) error {
		if _, err := neighbourHost(ctx, s); err != nil {
			return err
		}
		return service("tcp", "0.0.0.0", func(port string) error { return from.dials(ctx, s, "tcp", hostSide.Addr(), port) })
	}
}

// neighbourAsks asks the resolver of a network for a member of it.
func neighbourAsks(ctx context.Context, s scene.Stage) error {
	n, err := neighbourHost(ctx, s)
	if err != nil {
		return err
	}
	e, err := evil.endpoint(ctx, s, "")
	if err != nil {
		return err
	}
	if _, err := n.Do(ctx, "route", e.Gateway.String()+"/32", hostSide.Addr().String()); err != nil {
		return probe.Untried("%w", err)
	}
	_, err = n.Do(ctx, "ask", "udp", net.JoinHostPort(e.Gateway.String(), "53"), "prove-evil")
	return err
}
