package scenes

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/act"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// role is a member of the cast.
type role struct {
	name string
	// on are its networks by our names for them, the first of which has the default route; none is the default network.
	on []string
	// mode is a network mode in place of networks.
	mode string
	// caps are what an attacker would love to have.
	caps []string
	// serves says that it answers on port, over TCP and UDP.
	serves bool
	ports  network.PortMap
}

var (
	netAdmin = []string{"NET_ADMIN", "NET_RAW"}
	// Of the default network, where everybody is alone.
	victim   = role{name: "victim", serves: true}
	attacker = role{name: "attacker"}
	// Of networks that people made. Whoever attacks from there has everything that a network can be attacked with.
	peer  = role{name: "peer", on: []string{"red"}, caps: netAdmin, serves: true}
	evil  = role{name: "evil", on: []string{"red"}, caps: netAdmin}
	blue  = role{name: "blue", on: []string{"blue"}, serves: true}
	both  = role{name: "both", on: []string{"red", "blue"}, serves: true}
	vault = role{name: "vault", on: []string{"vault"}, serves: true}
	thief = role{name: "thief", on: []string{"vault"}, caps: netAdmin}
	// The host itself: whoever acts is the prover.
	onHost = role{name: "on-host", mode: "host"}
)

// enter starts a member of the cast, once for a whole proof.
func (r role) enter(ctx context.Context, s scene.Stage) (scene.Actor, error) {
	return scene.Once(ctx, s, "network/"+r.name, func(ctx context.Context, s scene.Stage) (scene.Actor, error) {
		o := scene.Options{Host: container.HostConfig{CapAdd: r.caps, PortBindings: r.ports, NetworkMode: container.NetworkMode(r.mode)}}
		if r.ports != nil {
			o.Config.ExposedPorts = network.PortSet{}
			for p := range r.ports {
				o.Config.ExposedPorts[p] = struct{}{}
			}
		}
		if len(r.on) > 0 {
			o.Network = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{}}
		}
		for i, name := range r.on {
			real, err := named(ctx, s, name)
			if err != nil {
				return nil, err
			}
			if i == 0 {
				o.Host.NetworkMode = container.NetworkMode(real)
			}
			o.Network.EndpointsConfig[real] = &network.EndpointSettings{Aliases: []string{"prove-" + r.name}, GwPriority: len(r.on) - i}
		}
		a, err := s.Start(ctx, o)
		if err != nil {
			return nil, probe.Untried("%s: %w", r.name, err)
		}
		if !r.serves {
			return a, nil
		}
		if err := errors.Join(a.Begin(ctx, "serve", "tcp", ":"+port), a.Begin(ctx, "serve", "udp", ":"+port)); err != nil {
			return nil, probe.Untried("%s: %w", r.name, err)
		}
		return a, nil
	})
}

// named makes a network, once for a whole proof, and returns its real name.
func named(ctx context.Context, s scene.Stage, name string) (string, error) {
	return scene.Once(ctx, s, "network/network-"+name, func(ctx context.Context, s scene.Stage) (string, error) {
		real, err := s.Network(ctx, client.NetworkCreateOptions{Internal: name == "vault"})
		if err != nil {
			return "", probe.Untried("a network: %w", err)
		}
		return real, nil
	})
}

// endpoint is where a member is on a network, or on its first one.
func (r role) endpoint(ctx context.Context, s scene.Stage, on string) (*network.EndpointSettings, error) {
	a, err := r.enter(ctx, s)
	if err != nil {
		return nil, err
	}
	if on == "" && len(r.on) > 0 {
		on = r.on[0]
	}
	if on != "" {
		if on, err = named(ctx, s, on); err != nil {
			return nil, err
		}
	}
	res, err := s.API().ContainerInspect(ctx, a.ID(), client.ContainerInspectOptions{})
	if err != nil {
		return nil, probe.Untried("%w", err)
	}
	for name, e := range res.Container.NetworkSettings.Networks {
		if (on == "" || on == name) && e.IPAddress.IsValid() {
			return e, nil
		}
	}
	return nil, probe.Untried("%s has no address on the network %q", r.name, on)
}

// address is that of a member on its first network.
func (r role) address(ctx context.Context, s scene.Stage) (netip.Addr, error) {
	return r.addressOn(ctx, s, "")
}

func (r role) addressOn(ctx context.Context, s scene.Stage, on string) (netip.Addr, error) {
	e, err := r.endpoint(ctx, s, on)
	if err != nil {
		return netip.Addr{}, err
	}
	return e.IPAddress, nil
}

// acts has a member act.
func (r role) acts(ctx context.Context, s scene.Stage, action ...string) (string, error) {
	if r.mode == "host" {
		var out strings.Builder
		err := act.Do(action, &out)
		return out.String(), err
	}
	a, err := r.enter(ctx, s)
	if err != nil {
		return "", err
	}
	return a.Do(ctx, action...)
}

// dials has a member say hello to an address and hear it back.
func (r role) dials(ctx context.Context, s scene.Stage, protocol string, to netip.Addr, port string) error {
	_, err := r.acts(ctx, s, "dial", protocol, net.JoinHostPort(to.String(), port))
	return err
}

// reaches is a half in which one member dials another one.
func (r role) reaches(protocol string, to role, on string) half {
	return func(ctx context.Context, s scene.Stage) error {
		address, err := to.addressOn(ctx, s, on)
		if err != nil {
			return err
		}
		return r.dials(ctx, s, protocol, address, port)
	}
}
