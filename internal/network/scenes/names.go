package scenes

import (
	"context"
	"net"

	"github.com/bailey-run/bailey/internal/prove/scene"
)

// names are what the resolver tells to whom.
func names() []scene.Scene {
	const source = "docs/networks.md"
	resolves := func(who, whom role) half {
		return func(ctx context.Context, s scene.Stage) error {
			if _, err := whom.enter(ctx, s); err != nil {
				return err
			}
			_, err := who.acts(ctx, s, "resolve", "prove-"+whom.name)
			return err
		}
	}
	const shares = "network/resolve-peer"
	twin := resolves(evil, peer)
	return []scene.Scene{
		of(control, "name-of-other-network", "learn the address of a member of another network by its name", source, resolves(evil, blue), shares, twin),
		of(control, "name-from-default", "learn the address of a member of a network from the default one", source, resolves(attacker, peer), shares, twin),
		of(control, "name-of-internal", "learn the address of a member of an internal network", source, resolves(evil, vault), shares, twin),
		of(control, "name-from-internal", "learn the address of a member of a network from an internal one", source, resolves(thief, peer), shares, twin),
		of(control, "name-by-other-gateway", "ask the resolver of another network", source, asks(evil, blue), "network/ask-own", asks(evil, evil)),
	}
}

// asks has a member ask the resolver of whom for the name of one who is there.
func asks(who, whom role) half {
	return func(ctx context.Context, s scene.Stage) error {
		e, err := whom.endpoint(ctx, s, "")
		if err != nil {
			return err
		}
		name := "prove-" + whom.name
		_, err = who.acts(ctx, s, "ask", "udp", net.JoinHostPort(e.Gateway.String(), "53"), name)
		return err
	}
}
