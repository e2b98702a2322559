package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/link"
)

// Prewire puts a link of the default segment into a network namespace that no container uses yet.
func (m *Manager) Prewire(ctx context.Context, netns *os.File) (Segment, error) {
	if err := ctx.Err(); err != nil {
		return Segment{}, err
	}
	if netns == nil {
		return Segment{}, invalid("no network namespace was given")
	}
	m.mu.Lock()
	s := m.nets[builtinID(m.o.Node, Bridge)]
	ip, err := s.block.Next()
	if err != nil {
		m.mu.Unlock()
		return Segment{}, err
	}
	seg := Segment{IfName: "eth0", HostIf: m.names.newLink(), MAC: address.ContainerMAC(ip).String(),
		IP: netip.PrefixFrom(ip, 32), Gateway: s.Gateway}
	spec := m.segmentSpec(seg)
	m.spare[seg.HostIf] = &spare{Segment: seg}
	m.mu.Unlock()
	if err := m.conn.Add(netns, spec); err != nil {
		m.forgetSpare(seg)
		return Segment{}, fmt.Errorf("wire a network namespace ahead of time: %w", err)
	}
	return seg, nil
}

// segmentSpec describes the link of a prewired segment; mu is held.
func (m *Manager) segmentSpec(s Segment) link.Spec {
	mac, err := net.ParseMAC(s.MAC)
	if err != nil {
		mac = address.ContainerMAC(s.IP.Addr())
	}
	return m.spec(m.nets[builtinID(m.o.Node, Bridge)], Endpoint{HostIf: s.HostIf, IfName: s.IfName, IP: s.IP, Gateway: s.Gateway},
		mac).WithDefaultRoute()
}

// forgetSpare gives the address of a prewired link back that nobody will claim.
func (m *Manager) forgetSpare(s Segment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.spare[s.HostIf]; ok {
		delete(m.spare, s.HostIf)
		m.nets[builtinID(m.o.Node, Bridge)].block.Free(s.IP.Addr())
	}
}

// Discard removes a prewired segment that nobody claimed. The link is removed too, if its network namespace has not taken
// it along already.
func (m *Manager) Discard(_ context.Context, s Segment) error {
	m.mu.RLock()
	known := m.spare[s.HostIf]
	m.mu.RUnlock()
	if known == nil || known.claimed {
		return nil
	}
	err := m.conn.Delete(s.HostIf)
	m.forgetSpare(s)
	return err
}

// claimSpare takes a prewired link for one container, and hands back how to give it up.
func (m *Manager) claimSpare(s *Segment) (giveUp func() error, err error) {
	if s == nil {
		return func() error { return nil }, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.spare[s.HostIf]
	if known == nil || known.claimed {
		return nil, invalid("the prewired link %s is another container's or gone", s.HostIf)
	}
	known.claimed = true
	return func() error {
		err := m.conn.Delete(s.HostIf)
		m.forgetSpare(*s)
		return err
	}, nil
}
