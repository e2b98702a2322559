package network

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/bailey-run/bailey/internal/network/firewall"
	"github.com/bailey-run/bailey/internal/network/link"
)

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
	a := m.finish(r, w, eps, bound)
	m.dns.Flush()
	return a, nil
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
	}
	for _, b := range bound {
		w.Ports = append(w.Ports, b.BoundPort)
	}
	w.DNS, w.Wired, w.ready = m.resolverFor(w.Endpoints), now(), true
	m.dns.PutContainer(m.known(w))
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
