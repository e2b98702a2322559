package firewall

import (
	"net"
	"net/netip"
)

// Config is what never changes while a node's tables exist.
type Config struct {
	// Node is the node's id; the tables are called bailey-<Node>.
	Node string
	// Prefix is what the names of all interfaces of the node begin with; LinkPrefix those of the containers' links only.
	Prefix, LinkPrefix string
	// Family is what the names of the interfaces of every node of the machine begin with.
	Family string
}

// State is everything that the sets hold. Two states can be added and subtracted element by element.
type State struct {
	// Subnets are the addresses of the node's containers: nothing from outside may come from or go to them directly.
	Subnets []netip.Prefix
	// Gateways are where containers, and nobody else, find the resolver.
	Gateways  []Gateway
	Networks  []Network
	Published []Published
	// Ports are who may speak on the port of a bridge.
	Ports []Port
	// Guarded are interfaces of the host between which traffic that did not flow before Bailey switched forwarding on
	// must not flow now.
	Guarded []string
}

// Gateway is an address where containers find the resolver: always at port 53, wherever it listens.
type Gateway struct {
	Addr netip.Addr
	// Port is where it listens.
	Port uint16
}

// Network is one user-defined network.
type Network struct {
	Bridge string
	// Internal networks have no way out; the containers on an isolated one do not reach each other.
	Internal, Isolated bool
}

// Published rewrites the destination of packets from outside. An unspecified HostIP stands for every address of the host.
type Published struct {
	HostIP   netip.Addr
	HostPort uint16
	// Proto is 6 for TCP, 17 for UDP.
	Proto byte
	IP    netip.Addr
	Port  uint16
}

// Port binds a port of a bridge to the only hardware and network address that may speak there.
type Port struct {
	Link string
	MAC  net.HardwareAddr
	IP   netip.Addr
}
