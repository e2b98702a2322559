package sandbox

import (
	"net/netip"
	"strings"
)

// DefaultNetwork is the name of a segment of the container's own.
const DefaultNetwork = "default"

// networkName is the network that the request asks for.
func (d *decision) networkName() string {
	name := d.r.Network
	if name == "" {
		name = d.r.Namespaces["network"]
	}
	if name == "" || name == "bridge" || name == "private" {
		return DefaultNetwork
	}
	return name
}

// decideNetwork says what the container can reach, and what reaches it.
func (d *decision) decideNetwork() {
	n := &d.p.Network
	n.Name = d.networkName()
	shared := d.p.Namespaces.Network != NamespaceOwn || n.Name == NamespaceHost || strings.HasPrefix(n.Name, NamespaceJoin)
	for _, name := range append([]string{n.Name}, d.r.Networks...) {
		if !shared && !isName(name) {
			d.invalid("network", name, "a name has letters, digits, '.', '_' and '-' and does not begin with a '.'")
		}
	}
	n.More = append(n.More, d.r.Networks...)
	if (shared || n.Name == "none") && len(n.More) > 0 {
		d.invalid("network", n.More[0], "a container with the network %s cannot be on another", n.Name)
	}
	if len(d.r.Ports) > 0 && (shared || n.Name == "none") {
		d.note("published ports have no effect with the network %s", n.Name)
		return
	}
	for _, p := range d.r.Ports {
		d.decidePort(p)
	}
}

// decidePort binds to loopback unless an address is given: a port that is
// published by habit is then not open to the network.
func (d *decision) decidePort(p Port) {
	if !p.HostIP.IsValid() {
		p.HostIP = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if p.Proto = strings.ToLower(p.Proto); p.Proto == "" {
		p.Proto = "tcp"
	}
	if p.Proto != "tcp" && p.Proto != "udp" {
		d.invalid("published port", p.Proto, "tcp and udp can be published")
	}
	if p.ContainerPort == 0 {
		d.invalid("published port", "0", "the container's port is 1 to 65535")
	}
	d.p.Network.Ports = append(d.p.Network.Ports, p)
}
