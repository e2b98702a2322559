package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/firewall"
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

// Claim makes a prewired segment a container's. It is Wire for the case that r.Networks is empty or the default segment,
// and touches the kernel only for published ports.
func (m *Manager) Claim(ctx context.Context, s Segment, r WireRequest) (Attachment, error) {
	r.Segment = &s
	return m.Wire(ctx, r)
}

// Wire gives a container its network. On an error nothing of it is left, and the Segment, if one was given, is gone too.
func (m *Manager) Wire(ctx context.Context, r WireRequest) (a Attachment, err error) {
	giveUp, err := m.claimSpare(r.Segment)
	if err != nil {
		return Attachment{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("wire container %s: %w", shortID(r.ContainerID), err), giveUp())
		}
	}()
	if err := errors.Join(r.check(), ctx.Err()); err != nil {
		return Attachment{}, err
	}
	for _, w := range r.Networks {
		name, ok := m.wireless(w.Network)
		switch {
		case ok && name == Host:
			return Attachment{}, &HostNetworkError{ContainerID: r.ContainerID}
		case ok && len(r.Networks) > 1:
			return Attachment{}, invalid("it asks for no network (none) and for others: leave one of them out")
		case ok:
			return m.wireNothing(r, giveUp)
		}
	}
	return m.wireAll(r)
}

func (m *Manager) wireAll(r WireRequest) (Attachment, error) {
	w, eps, err := m.plan(r)
	if err != nil {
		return Attachment{}, err
	}
	bound, err := m.bind(r, eps)
	if err == nil {
		if err = m.build(r, eps); err == nil {
			err = m.admit(w, eps, bound)
		}
		if err != nil {
			err = errors.Join(err, m.demolish(eps))
		}
	}
	if err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.unreserve(w.ContainerID, eps)
		m.freePorts(w.ContainerID)
		delete(m.containers, w.ContainerID)
		return Attachment{}, err
	}
	return m.finish(r, w, eps, bound), nil
}

// plan reserves a container's place in the books.
func (m *Manager) plan(r WireRequest) (*wired, []*planned, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.containers[r.ContainerID] != nil {
		return nil, nil, conflict("it has a network already: release it first")
	}
	w := &wired{Attachment: Attachment{ContainerID: r.ContainerID, Name: r.Name, Hostname: r.Hostname}}
	eps, err := m.reserve(r)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range eps {
		w.Endpoints = append(w.Endpoints, p.Endpoint)
	}
	m.containers[r.ContainerID] = w
	return w, eps, nil
}

// build makes the links.
func (m *Manager) build(r WireRequest, eps []*planned) error {
	for _, p := range eps {
		if err := m.buildOne(r.NetNS, p); err != nil {
			return fmt.Errorf("network %s: %w", p.Network, err)
		}
	}
	return nil
}

func (m *Manager) buildOne(netns *os.File, p *planned) error {
	if p.reuse == nil {
		return m.conn.Add(netns, p.spec)
	}
	m.mu.RLock()
	old := m.segmentSpec(*p.reuse)
	m.mu.RUnlock()
	if p.seg.builtin && p.spec.DefaultRoute && p.spec.MAC.String() == p.reuse.MAC {
		return nil // it is what it should be
	}
	if err := m.conn.Rewire(netns, old, p.spec); err != nil {
		return err
	}
	if !p.seg.builtin {
		m.forgetSpare(*p.reuse)
		p.reuse = nil
	}
	return nil
}

// demolish removes what build made, in part or whole.
func (m *Manager) demolish(eps []*planned) error {
	var names []string
	for _, p := range eps {
		names = append(names, p.HostIf)
	}
	return m.conn.DeleteMany(names, m.names.doomed())
}

// admit lets the firewall know, in one transaction.
func (m *Manager) admit(w *wired, eps []*planned, bound []binding) error {
	var add firewall.State
	for _, p := range eps {
		add.Ports = append(add.Ports, guardOf(p.seg, p.Endpoint)...)
	}
	for _, b := range bound {
		if b.DNAT {
			add.Published = append(add.Published, b.rule())
		}
	}
	w.dnat = add.Published
	if len(add.Ports) == 0 && len(add.Published) == 0 {
		return nil
	}
	return m.fw.Change(add, firewall.State{})
}

// finish makes the container known.
func (m *Manager) finish(r WireRequest, w *wired, eps []*planned, bound []binding) Attachment {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Segment != nil {
		delete(m.spare, r.Segment.HostIf) // its address goes on as the container's
	}
	for i, p := range eps {
		w.Endpoints[i] = p.Endpoint
		m.owners[p.IP.Addr()] = w
		p.seg.addNames(p.Endpoint)
	}
	for _, b := range bound {
		w.Ports = append(w.Ports, b.BoundPort)
	}
	w.DNS, w.Wired, w.ready = m.resolver(w.Endpoints), now(), true
	return w.Attachment.clone()
}

// wireNothing gives a container loopback only.
func (m *Manager) wireNothing(r WireRequest, giveUp func() error) (Attachment, error) {
	if len(r.Ports) > 0 {
		return Attachment{}, invalid("it has no network and cannot publish ports: leave out -p or --network none")
	}
	m.mu.Lock()
	if m.containers[r.ContainerID] != nil {
		m.mu.Unlock()
		return Attachment{}, conflict("it has a network already: release it first")
	}
	w := &wired{Attachment: Attachment{ContainerID: r.ContainerID, Name: r.Name, Hostname: r.Hostname, Wired: now()}, ready: true}
	m.containers[r.ContainerID] = w
	m.mu.Unlock()
	if err := errors.Join(giveUp(), link.LoopbackOnly(r.NetNS)); err != nil {
		m.mu.Lock()
		delete(m.containers, r.ContainerID)
		m.mu.Unlock()
		return Attachment{}, err
	}
	return w.Attachment.clone(), nil
}

// Release removes everything that belongs to a container: names, addresses, published ports and the right to speak on its
// bridges. Its links go with its network namespace. It is idempotent.
func (m *Manager) Release(_ context.Context, containerID string) error {
	m.mu.Lock()
	w := m.containers[containerID]
	if w == nil || !w.ready {
		m.mu.Unlock()
		return nil
	}
	delete(m.containers, containerID)
	remove := firewall.State{Published: w.dnat}
	var segs []*segment
	for _, e := range w.Endpoints {
		if s := m.nets[e.NetworkID]; s != nil {
			remove.Ports = append(remove.Ports, guardOf(s, e)...)
			segs = append(segs, s)
			s.dropNames(e)
		}
		delete(m.owners, e.IP.Addr())
	}
	m.mu.Unlock()

	var err error
	if len(remove.Ports) > 0 || len(remove.Published) > 0 {
		err = m.fw.Change(firewall.State{}, remove)
	}
	for _, e := range w.Endpoints {
		m.dns.Forget(e.IP.Addr())
		if len(w.dnat) > 0 {
			m.forgetFlows(e.IP.Addr())
		}
	}
	// Only now may another container have the addresses and ports.
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range segs {
		for _, e := range w.Endpoints {
			if e.NetworkID == s.ID {
				m.leave(containerID, s, e)
			}
		}
	}
	m.freePorts(containerID)
	return err
}

// forgetFlows ends the connections to an address that the kernel still rewrites, so that a client that keeps sending
// reaches the port's next owner.
func (m *Manager) forgetFlows(a netip.Addr) {
	if err := link.ForgetFlows(a); err != nil {
		m.log.Debug("connections to an address could not be forgotten", "address", a, "error", err)
	}
}
