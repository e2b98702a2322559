package network

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/firewall"
	"github.com/bailey-run/bailey/internal/network/link"
	"github.com/bailey-run/bailey/internal/network/store"
)

const (
	// segmentBits is the prefix length of a node's default segment: 4,093 containers. networkBits is that of a user-defined
	// network that asks for no subnet: 253 containers.
	segmentBits = 20
	networkBits = 24
)

// setUp brings the host to where containers can be wired.
func (m *Manager) setUp() error {
	if err := m.claims.Locked(m.claim); err != nil {
		return err
	}
	m.names = names{tag: m.file.Tag}
	gateway := m.file.Segment.Addr().Next()
	def, err := newSegment(store.Network{
		ID: builtinID(m.o.Node, Bridge), Name: Bridge, Created: m.file.Created, Subnet: m.file.Segment, Gateway: gateway, MTU: m.mtu,
	}, netip.Prefix{})
	if err != nil {
		return err
	}
	def.builtin = true
	m.mu.Lock()
	m.enter(def)
	m.mu.Unlock()
	m.fw, err = firewall.Open(firewall.Config{
		Node: m.o.Node, Prefix: m.names.prefix(), LinkPrefix: m.names.linkPrefix(), Family: family})
	if err != nil {
		return err
	}
	if err := m.fw.Adopt(m.firewallState()); err != nil {
		return err
	}
	_, err = m.conn.AddBridge(link.BridgeSpec{Name: m.names.gateway(), MAC: address.GatewayMAC(gateway),
		IP: netip.PrefixFrom(gateway, def.Subnet.Bits()), Group: m.names.group(), MTU: m.mtu})
	if err != nil {
		return err
	}
	for _, n := range m.file.Networks {
		if slices.Contains(m.lost, n.ID) {
			continue
		}
		if err := m.restore(n); err != nil {
			return fmt.Errorf("bring back the network %s: %w", n.Name, err)
		}
	}
	if def.dnsPort, err = m.dns.Listen(gateway); err != nil {
		return err
	}
	m.lookAtForeign()
	return m.removeStrayBridges()
}

// restore brings a stored network back.
func (m *Manager) restore(n store.Network) error {
	s, err := newSegment(n, n.Range)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.enter(s)
	m.mu.Unlock()
	return m.raise(s)
}

// raise makes a network's bridge and answers DNS on it. The kernel must be able to guard its ports.
func (m *Manager) raise(s *segment) error {
	if !m.fw.Bridged() {
		return errors.New("this kernel cannot filter frames on bridges, so containers on one could pose as each other: " +
			"load nf_tables for bridges (CONFIG_NF_TABLES_BRIDGE)")
	}
	index, err := m.conn.AddBridge(link.BridgeSpec{Name: s.Bridge, MAC: address.GatewayMAC(s.Gateway),
		IP: netip.PrefixFrom(s.Gateway, s.Subnet.Bits()), Group: m.names.group(), MTU: s.MTU})
	if err != nil {
		return err
	}
	port, err := m.dns.Listen(s.Gateway)
	m.mu.Lock()
	defer m.mu.Unlock()
	s.index, s.dnsPort = index, port
	return err
}

// removeStrayBridges removes bridges of this node that no stored network has: of a creation or removal that was cut short.
func (m *Manager) removeStrayBridges() error {
	have, err := link.Interfaces(m.names.prefix() + "b")
	if err != nil {
		return err
	}
	var stray []string
	for _, i := range have {
		if !slices.ContainsFunc(m.file.Networks, func(n store.Network) bool { return n.Bridge == i.Name }) {
			stray = append(stray, i.Name)
		}
	}
	return m.conn.DeleteMany(stray, m.names.doomed())
}

// claim takes the node's tag and subnets from all nodes of the machine: what it had before if that is still free, else new.
func (m *Manager) claim(h *address.Held) error {
	if err := h.Sweep(); err != nil {
		return err
	}
	before := m.file
	if m.file.Created.IsZero() {
		m.file.Created = now()
	}
	if err := m.claimTag(h); err != nil {
		return err
	}
	used, err := link.Prefixes(func(name string) bool { return strings.HasPrefix(name, family+m.file.Tag) })
	if err != nil {
		return err
	}
	others, _, err := h.Others()
	if err != nil {
		return err
	}
	for _, n := range m.file.Networks {
		if ok, err := h.Subnet(n.Subnet); err != nil {
			return err
		} else if !ok {
			m.warn("network %s is out of use: its subnet %s now belongs to another node of this machine; remove it there, and start this node again", n.Name, n.Subnet)
			m.lost = append(m.lost, n.ID)
			continue
		}
		if other, hit := address.Overlap(n.Subnet, used); hit {
			m.warn("network %s: its subnet %s overlaps %s, which this host uses otherwise; what lies there cannot be reached", n.Name, n.Subnet, other)
		}
		others = append(others, n.Subnet)
	}
	if m.file.Segment, err = m.claimSegment(h, slices.Concat(used, others)); err != nil {
		return err
	}
	if err := m.setForwarding(h); err != nil {
		return err
	}
	if before.Tag == m.file.Tag && before.Segment == m.file.Segment {
		return nil
	}
	return store.Save(m.o.Dir, m.file)
}

func (m *Manager) claimTag(h *address.Held) error {
	tag := m.file.Tag
	if !isHex(tag, 4) {
		tag = m.o.Node[:4]
	}
	for range 100 {
		ok, err := h.Tag(tag)
		if err != nil {
			return err
		}
		if ok {
			m.file.Tag = tag
			return nil
		}
		tag = randomHex(2)
	}
	return fmt.Errorf("no free name for this node's interfaces: %s is full of other nodes' claims", m.o.ClaimsDir)
}

// claimSegment keeps the default segment's subnet, or chooses another when it is used otherwise now and no container of an
// earlier daemon can be on it.
func (m *Manager) claimSegment(h *address.Held, avoid []netip.Prefix) (netip.Prefix, error) {
	old := m.file.Segment
	if !old.IsValid() {
		return m.claimFree(h, segmentBits, avoid)
	}
	ok, err := h.Subnet(old)
	if err != nil {
		return old, err
	}
	other, hit := address.Overlap(old, avoid)
	if ok && !hit {
		return old, nil
	}
	there, err := link.Interfaces(names{m.file.Tag}.gateway())
	if err != nil {
		return old, err
	}
	switch {
	case len(there) > 0 && ok:
		m.warn("the default segment %s overlaps %s, which this host uses otherwise: what lies there cannot be reached until this node "+
			"is started again without containers", old, other)
		return old, nil
	case len(there) > 0:
		// Containers of an earlier daemon may be on it: a claim that was lost is no reason to cut them off.
		m.warn("the default segment %s is claimed by another node of this machine too: start this node again without containers to move it", old)
		return old, nil
	}
	return m.claimFree(h, segmentBits, avoid)
}

// claimFree claims a subnet that nothing else on the machine uses.
func (m *Manager) claimFree(h *address.Held, bits int, avoid []netip.Prefix) (netip.Prefix, error) {
	for p := range address.Candidates(m.o.Pools, bits, avoid) {
		if ok, err := h.Subnet(p); err != nil || ok {
			return p, err
		}
	}
	return netip.Prefix{}, fmt.Errorf("no free /%d in the address pools %v: the host's routes, addresses and other nodes take all of them; "+
		"configure other address pools", bits, m.o.Pools)
}

// lookAtForeign warns about firewalls that will stop what containers are meant to do.
func (m *Manager) lookAtForeign() {
	f, err := m.fw.Foreign()
	if err != nil {
		m.warn("other firewalls of this host cannot be examined: %v", err)
		return
	}
	p := m.names.prefix()
	for _, c := range f.Forward {
		m.warn("%s drops forwarded packets: containers reach nothing outside until it accepts packets that come in or go out by %s* "+
			"(iptables: -I FORWARD -i %s+ -j ACCEPT and -I FORWARD -o %s+ -j ACCEPT; ufw: ufw route allow in on %s+)", c, p, p, p, p)
	}
	for _, c := range f.Input {
		m.warn("%s judges what this host receives: published ports obey it, and containers resolve names only if it accepts port 53 "+
			"from %s* (ufw: ufw allow in on %s+ to any port 53)", c, p, p)
	}
	if f.Legacy {
		m.warn("rules of the old iptables exist and cannot be examined; if containers reach nothing outside, accept %s+ in its FORWARD chain", p)
	}
}
