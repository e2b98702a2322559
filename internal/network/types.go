package network

import (
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/bailey-run/bailey/internal/network/dns"
	"github.com/bailey-run/bailey/internal/network/resolver"
)

// Names of the predefined networks, as clients of the Docker API know them.
const (
	// Bridge is the default segment: one routed link per container, nothing shared. Clients that ask for "default" get it too.
	Bridge = "bridge"
	// None is no interface but loopback.
	None = "none"
	// Host is listed so that clients find it; wiring a container to it is a [*HostNetworkError].
	Host = "host"
)

// PublishMode says how a port that is published on an address other than loopback reaches the container.
type PublishMode string

const (
	// PublishAuto is PublishDNAT, unless the host has a firewall of its own on its input hook: then PublishProxy, so that a
	// published port never passes by that firewall.
	PublishAuto PublishMode = "auto"
	// PublishDNAT rewrites the destination in nftables; the container sees the client's address.
	PublishDNAT PublishMode = "dnat"
	// PublishProxy leaves published ports to the supervisor's proxy, which listens like any other service of the host; the
	// container sees the gateway's address.
	PublishProxy PublishMode = "proxy"
)

// Options configures a [Manager]. Dir, RunDir, Node and Resolver are required.
type Options struct {
	// Dir is the directory for networks.json; created 0700 if missing.
	Dir string
	// RunDir is the directory for what need not outlive a reboot; created if missing.
	RunDir string
	// Resolver is the program that answers the containers' queries, also while no daemon runs.
	Resolver resolver.Program
	// Node is the node's id: 8 lower-case hexadecimal digits, unique on the machine.
	Node string
	// Log receives warnings about the host's configuration. Nil discards them.
	Log *slog.Logger
	// Pools are private IPv4 prefixes to take subnets from: a /20 for the default segment, a /24 for a network that names none.
	// Empty means 10.90.0.0/16 to 10.99.0.0/16.
	Pools []netip.Prefix
	// ClaimsDir holds the machine-wide claims, shared by every node of the machine. Empty means /run/bailey/nets.
	ClaimsDir string
	// ResolvConf is the file that names the resolvers to forward to. Empty means /etc/resolv.conf.
	ResolvConf string
	// Publish is how ports on other than loopback addresses are published. Empty means PublishAuto.
	Publish PublishMode
	// HostRouting says that the host is meant to route between its own interfaces. When it is false and Bailey had to switch
	// IPv4 forwarding on, traffic between interfaces that are not Bailey's stays blocked as it was before.
	HostRouting bool
	// AllowRebinding lets answers of outside resolvers point at loopback, link-local and metadata addresses.
	AllowRebinding bool
}

// Protocol is a transport protocol of a published port.
type Protocol string

// The protocols that can be published.
const (
	TCP Protocol = "tcp"
	UDP Protocol = "udp"
)

// Port asks for one published port.
type Port struct {
	// HostIP is the address to publish on. The zero value means 127.0.0.1; 0.0.0.0 means every IPv4 address.
	HostIP netip.Addr
	// HostPort is the port on the host; 0 lets the manager choose a free one.
	HostPort uint16
	// ContainerPort is the port inside the container; never 0.
	ContainerPort uint16
	// Proto is TCP or UDP; empty means TCP.
	Proto Protocol
}

// BoundPort is a published port as it was bound. The supervisor's proxy listens on HostIP:HostPort and forwards to
// ContainerIP:ContainerPort.
type BoundPort struct {
	HostIP        netip.Addr
	HostPort      uint16
	ContainerIP   netip.Addr
	ContainerPort uint16
	Proto         Protocol
	// DNAT says that packets from outside are rewritten in nftables before a listener on the host would see them.
	DNAT bool
}

// Want is one network that a container is to be on.
type Want struct {
	// Network is a name, an id or an unambiguous prefix of an id; "" and "default" mean [Bridge].
	Network string
	// Aliases are further names of the container on that network. Not possible on the default segment.
	Aliases []string
	// Links are "CONTAINER[:ALIAS]": names that only this container knows on that network. Not possible on the default segment.
	Links []string
	// IP asks for one address; the zero value lets the manager choose. Not possible on the default segment.
	IP netip.Addr
	// MAC asks for a hardware address, colon-separated; "" derives one from the address.
	MAC string
	// Priority decides which network has the default route: the highest, and among equals the first name in order.
	Priority int
}

// WireRequest asks for a container's whole network.
type WireRequest struct {
	ContainerID string
	// Name is the container's name; it resolves on its user-defined networks.
	Name string
	// Hostname resolves there too.
	Hostname string
	// NetNS is the container's network namespace.
	NetNS *os.File
	// Networks are wired in this order as eth0, eth1 and so on; empty means the default segment.
	Networks []Want
	// Ports are published on the endpoint that has the default route.
	Ports []Port
	// Segment is what Prewire made in NetNS, when it did: its link is used again for the first network, which is
	// faster than making one.
	Segment *Segment
}

// Segment is a link of the default segment that no container has claimed yet.
type Segment struct {
	IfName, HostIf, MAC string
	IP                  netip.Prefix
	Gateway             netip.Addr
}

// Endpoint is a container's connection to one network.
type Endpoint struct {
	// Network is the network's name, NetworkID its id.
	Network, NetworkID string
	// ID is the endpoint's own id: 64 hexadecimal digits.
	ID string
	// IfName is the interface in the container, HostIf its other end on the host.
	IfName, HostIf string
	MAC            string
	// IP is the address with the prefix length that the container sees (32 on the default segment).
	IP      netip.Prefix
	Gateway netip.Addr
	// Aliases are the names that were asked for; DNSNames all that resolve, the one for reverse look-ups first.
	Aliases, DNSNames []string
	// Links are names that only this container knows on the network.
	Links []dns.Link `json:",omitempty"`
	// DefaultRoute says that this endpoint has it.
	DefaultRoute bool
	Priority     int
}

// Attachment is a container's whole network, as it was wired. It is plain data: the engine stores it and hands it back to
// [Manager.Adopt] and [Manager.Release].
type Attachment struct {
	ContainerID, Name, Hostname string
	Endpoints                   []Endpoint
	// DNS is the resolver for the container's resolv.conf; invalid when it has no network.
	DNS   netip.Addr
	Ports []BoundPort
	Wired time.Time
}

// ConnectRequest connects a container that already runs to one more network.
type ConnectRequest struct {
	ContainerID string
	// NetNS is the container's network namespace.
	NetNS *os.File
	Want  Want
}

// DisconnectRequest takes a running container off one network.
type DisconnectRequest struct {
	ContainerID string
	// NetNS is the container's network namespace.
	NetNS *os.File
	// Network is a name, an id or an unambiguous prefix of an id.
	Network string
}

// Filter selects networks in [Manager.List] and [Manager.Prune]. Values of one field are alternatives; fields must all match.
type Filter struct {
	IDs, Names, Drivers, Scopes []string
	// Types are "custom" and "builtin".
	Types []string
	// Labels are "key" or "key=value", all of which must match; NotLabels none.
	Labels, NotLabels []string
	// Dangling, when set, selects networks without (true) or with (false) containers.
	Dangling *bool
	// Until selects networks created before it; zero selects all.
	Until time.Time
}
