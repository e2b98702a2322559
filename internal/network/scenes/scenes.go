// Package scenes attacks the network of containers: neighbours, the host,
// what a cloud tells its machines.
package scenes

import (
	"context"
	"net"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// port is what servers of scenes listen on.
const port = "7000"

// All returns the scenes, in the order in which they are shown.
func All() []scene.Scene {
	return []scene.Scene{
		{ID: "network/reach-neighbour-tcp", Control: "network", Tries: "reach a service of another container over TCP", Source: "moby#22054",
			Attack: apart("tcp"), Twin: together("tcp")},
		{ID: "network/reach-neighbour-udp", Control: "network", Tries: "reach a service of another container over UDP",
			Attack: apart("udp"), Twin: together("udp")},
	}
}

// apart has one container of the default network dial another.
func apart(protocol string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		return dialled(ctx, s, protocol, "", scene.Options{})
	}
}

// together does the same where people said that the two belong together.
func together(protocol string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		name, err := s.Network(ctx, client.NetworkCreateOptions{})
		if err != nil {
			return probe.Untried("%w", err)
		}
		return dialled(ctx, s, protocol, name, scene.Options{Host: container.HostConfig{NetworkMode: container.NetworkMode(name)}})
	}
}

// dialled starts two containers, of which one serves and the other dials.
func dialled(ctx context.Context, s scene.Stage, protocol, network string, o scene.Options) error {
	victim, err := s.Start(ctx, o)
	if err != nil {
		return probe.Untried("%w", err)
	}
	if err := victim.Begin(ctx, "serve", protocol, ":"+port); err != nil {
		return probe.Untried("%w", err)
	}
	address, err := victim.Address(ctx, network)
	if err != nil {
		return probe.Untried("%w", err)
	}
	attacker, err := s.Start(ctx, o)
	if err != nil {
		return probe.Untried("%w", err)
	}
	_, err = attacker.Do(ctx, "dial", protocol, net.JoinHostPort(address.String(), port))
	return err
}
