package network

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/firewall"
	"github.com/bailey-run/bailey/internal/network/link"
)

// planned is one endpoint before it exists: its address is reserved, the kernel knows nothing.
type planned struct {
	Endpoint
	seg  *segment
	spec link.Spec
	// reuse is the prewired link to turn into this one.
	reuse *Segment
}

func (r *WireRequest) check() error {
	if len(r.ContainerID) < 12 || !isHex(r.ContainerID, len(r.ContainerID)) {
		return invalid("container id %q: want hexadecimal digits, 12 or more", r.ContainerID)
	}
	if r.NetNS == nil {
		return invalid("container %s: no network namespace was given", shortID(r.ContainerID))
	}
	return nil
}

// reserve takes the addresses for a container's networks; mu is held. On an error nothing is taken.
func (m *Manager) reserve(r WireRequest) (eps []*planned, err error) {
	wants := r.Networks
	if len(wants) == 0 {
		wants = []Want{{Network: Bridge}}
	}
	defer func() {
		if err != nil {
			m.unreserve(r.ContainerID, eps)
			eps = nil
		}
	}()
	for i, w := range wants {
		var p *planned
		var seg *Segment
		if i == 0 {
			seg = r.Segment
		}
		if p, err = m.reserveOne(r, w, fmt.Sprintf("eth%d", i), seg); err != nil {
			return eps, err
		}
		eps = append(eps, p)
	}
	chooseDefault(eps)
	return eps, nil
}

// reserveOne takes an address for one network; mu is held.
func (m *Manager) reserveOne(r WireRequest, w Want, ifname string, reuse *Segment) (*planned, error) {
	s, err := m.find(w.Network)
	if err != nil {
		return nil, err
	}
	if _, on := s.users[r.ContainerID]; on {
		return nil, invalid("container %s asks for the network %s twice", shortID(r.ContainerID), s.Name)
	}
	if s.builtin && (len(w.Aliases) > 0 || len(w.Links) > 0 || w.IP.IsValid()) {
		return nil, invalid("aliases, links and fixed addresses exist on user-defined networks only: make one with bailey network create NAME, " +
			"and use --network NAME")
	}
	for _, a := range w.Aliases {
		if !validName(a) {
			return nil, invalid("alias %q: want lower-case letters, digits, hyphens and inner dots", a)
		}
	}
	known, err := links(w.Links)
	if err != nil {
		return nil, err
	}
	p := &planned{seg: s, reuse: reuse, Endpoint: Endpoint{
		Network: s.Name, NetworkID: s.ID, ID: randomHex(32), IfName: ifname, HostIf: m.names.newLink(),
		Gateway: s.Gateway, Aliases: w.Aliases, Links: known, Priority: w.Priority,
	}}
	if err := m.reserveAddress(s, p, w); err != nil {
		return nil, fmt.Errorf("network %s: %w", s.Name, err)
	}
	if !s.builtin {
		p.DNSNames = dnsNames(r.Name, r.ContainerID, r.Hostname, w.Aliases)
	}
	s.users[r.ContainerID] = struct{}{}
	return p, nil
}

func (m *Manager) reserveAddress(s *segment, p *planned, w Want) error {
	var err error
	ip := w.IP.Unmap()
	switch {
	case s.builtin && p.reuse != nil:
		ip = p.reuse.IP.Addr() // taken when it was prewired
	case ip.IsValid():
		err = s.block.Take(ip)
	default:
		ip, err = s.block.Next()
	}
	if err != nil {
		return err
	}
	mac := address.ContainerMAC(ip)
	if w.MAC != "" {
		if mac, err = m.checkMAC(s, w.MAC); err != nil {
			s.block.Free(ip)
			return err
		}
	}
	p.IP = netip.PrefixFrom(ip, s.Subnet.Bits())
	if s.builtin {
		p.IP = netip.PrefixFrom(ip, 32)
	}
	p.MAC = mac.String()
	if p.reuse != nil {
		p.HostIf = p.reuse.HostIf
	}
	p.spec = m.spec(s, p.Endpoint, mac)
	return nil
}

// checkMAC reads a wanted hardware address, which nobody on the network may have; mu is held.
func (m *Manager) checkMAC(s *segment, text string) (net.HardwareAddr, error) {
	mac, err := address.ParseMAC(text)
	if err != nil {
		return nil, invalid("%v", err)
	}
	taken := mac.String() == address.GatewayMAC(s.Gateway).String()
	for id := range s.users {
		if w := m.containers[id]; w != nil {
			taken = taken || slices.ContainsFunc(w.Endpoints, func(e Endpoint) bool { return e.NetworkID == s.ID && e.MAC == mac.String() })
		}
	}
	if taken {
		return nil, conflict("hardware address %s is in use on this network: choose another, or leave it out", mac)
	}
	return mac, nil
}

// spec describes the link of an endpoint.
func (m *Manager) spec(s *segment, e Endpoint, mac net.HardwareAddr) link.Spec {
	spec := link.Spec{
		Host: e.HostIf, Inner: e.IfName, HostMAC: address.HostMAC(e.IP.Addr()), MAC: mac, Group: m.names.group(), MTU: s.MTU,
		IP: e.IP, Gateway: e.Gateway, GatewayMAC: address.GatewayMAC(e.Gateway), Bridge: s.index, Isolated: s.Isolated,
	}
	if s.builtin {
		// On a routed link the gateway is the other end.
		spec.GatewayMAC = spec.HostMAC
	}
	return spec
}

// chooseDefault gives the default route to the endpoint of the highest priority, and among equals to the first network by
// name; a network without a way out cannot have it.
func chooseDefault(eps []*planned) {
	var best *planned
	for _, p := range eps {
		if p.seg.Internal {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(best.Priority, p.Priority), cmp.Compare(p.Network, best.Network)) < 0 {
			best = p
		}
	}
	for _, p := range eps {
		p.DefaultRoute = p == best
		p.spec.DefaultRoute = p.DefaultRoute
	}
}

// unreserve gives back what reserve took; mu is held. The address of a prewired link stays with the link.
func (m *Manager) unreserve(containerID string, eps []*planned) {
	for _, p := range eps {
		m.leave(containerID, p.seg, p.Endpoint)
		if p.reuse != nil && p.seg.builtin {
			_ = p.seg.block.Take(p.IP.Addr()) // free a moment ago, and mu is held
		}
	}
}

// leave gives an endpoint's address and place on its network back; mu is held.
func (m *Manager) leave(containerID string, s *segment, e Endpoint) {
	s.block.Free(e.IP.Addr())
	delete(s.users, containerID)
}

// resolverFor is the address for resolv.conf: the node's gateway where there is a way to it, else that of the first network.
func (m *Manager) resolverFor(eps []Endpoint) netip.Addr {
	if len(eps) == 0 {
		return netip.Addr{}
	}
	if slices.ContainsFunc(eps, func(e Endpoint) bool { return e.DefaultRoute }) {
		return m.file.Segment.Addr().Next()
	}
	return eps[0].Gateway
}

// guardOf is what a bridge lets an endpoint's port send; a routed link needs no element.
func guardOf(s *segment, e Endpoint) []firewall.Port {
	mac, err := net.ParseMAC(e.MAC)
	if s.builtin || err != nil {
		return nil
	}
	return []firewall.Port{{Link: e.HostIf, MAC: mac, IP: e.IP.Addr()}}
}
