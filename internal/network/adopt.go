package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/dns"
	"github.com/bailey-run/bailey/internal/network/firewall"
	"github.com/bailey-run/bailey/internal/network/link"
)

// Adopt takes over the containers that still live after a restart of the daemon, and removes links and rules of all others.
// It returns the joined errors of those that could not be taken over; their links are removed too.
func (m *Manager) Adopt(ctx context.Context, live []Attachment) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.crud.Lock()
	defer m.crud.Unlock()
	var errs []error
	for _, a := range live {
		if err := m.adoptOne(a); err != nil {
			errs = append(errs, fmt.Errorf("adopt the network of container %s: %w", shortID(a.ContainerID), err))
		}
	}
	m.mu.RLock()
	state := m.firewallState()
	m.mu.RUnlock()
	errs = append(errs, m.fw.Apply(state), m.tidyLinks())
	for _, g := range state.Gateways {
		if g.Port != dns.Port {
			m.forgetFlows(g.Addr) // they may lead to where an earlier resolver listened
		}
	}
	m.dns.Publish()
	if !m.watching {
		m.watching = true
		errs = append(errs, m.fw.Watch(m.ctx, m.repaired))
	}
	return errors.Join(errs...)
}

func (m *Manager) repaired(err error) {
	if err != nil {
		m.log.Error("rules of this node were deleted by another program and could not be put back", "error", err)
		return
	}
	m.warn("another program deleted rules of this node and they were put back: if it was the reload of a firewall, let that reload its own tables only " +
		"(nftables.conf: delete table, instead of flush ruleset)")
}

// adoptOne puts a container into the books as it is.
func (m *Manager) adoptOne(a Attachment) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.containers[a.ContainerID] != nil {
		return nil
	}
	w := &wired{Attachment: a.clone(), ready: true}
	w.Endpoints = nil
	var errs []error
	for _, e := range a.Endpoints {
		s := m.nets[e.NetworkID]
		if s == nil {
			errs = append(errs, fmt.Errorf("network %s is gone", e.Network))
			continue
		}
		if err := s.block.Take(e.IP.Addr()); err != nil {
			errs = append(errs, err)
			continue
		}
		w.Endpoints = append(w.Endpoints, e)
		s.users[a.ContainerID] = struct{}{}
	}
	for _, p := range a.Ports {
		m.ports[boundKey{p.HostIP, p.HostPort, p.Proto}] = a.ContainerID
		if p.DNAT {
			w.dnat = append(w.dnat, binding{p}.rule())
		}
	}
	m.containers[a.ContainerID] = w
	m.dns.PutContainer(m.known(w))
	return errors.Join(errs...)
}

// firewallState is what the sets should hold now; mu is held, or nobody else has the manager yet.
func (m *Manager) firewallState() firewall.State {
	st := firewall.State{Guarded: m.guarded}
	for _, s := range m.nets {
		st = st.Plus(stateOf(s)).Plus(resolverOf(s))
	}
	for _, w := range m.containers {
		st.Published = append(st.Published, w.dnat...)
		for _, e := range w.Endpoints {
			if s := m.nets[e.NetworkID]; s != nil {
				st.Ports = append(st.Ports, guardOf(s, e)...)
			}
		}
	}
	return st
}

// tidyLinks removes the links that no container has, and puts those of bridges back on them.
func (m *Manager) tidyLinks() error {
	have, err := link.Interfaces(m.names.linkPrefix())
	if err != nil {
		return err
	}
	type port struct {
		bridge   int
		isolated bool
	}
	m.mu.RLock()
	known := map[string]port{}
	for name := range m.spare {
		known[name] = port{}
	}
	for _, w := range m.containers {
		for _, e := range w.Endpoints {
			if s := m.nets[e.NetworkID]; s != nil {
				known[e.HostIf] = port{s.index, s.Isolated}
			}
		}
	}
	m.mu.RUnlock()
	var dead []string
	var errs []error
	for _, i := range have {
		p, ok := known[i.Name]
		switch {
		case !ok:
			dead = append(dead, i.Name)
		case i.Master != p.bridge && p.bridge != 0:
			errs = append(errs, m.conn.SetPort(i.Name, p.bridge, p.isolated))
		}
	}
	return errors.Join(append(errs, m.conn.DeleteMany(dead, m.names.doomed()))...)
}

// Destroy removes everything of this node from the host: tables, links, bridges and claims, and switches forwarding off
// again if Bailey switched it on and nothing new depends on it. Stored networks stay. The manager is of no use afterwards
// but for [Manager.Close].
func (m *Manager) Destroy(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.crud.Lock()
	defer m.crud.Unlock()
	m.cancel()
	errs := []error{m.dns.Destroy()}
	m.mu.Lock()
	m.containers = map[string]*wired{}
	m.spare, m.ports = map[string]*spare{}, map[boundKey]string{}
	m.mu.Unlock()
	// Links first: without the rules nothing may flow.
	errs = append(errs, m.conn.DeleteGroup(m.names.group()), m.fw.Remove(), m.claims.Locked(m.giveUpClaims))
	return errors.Join(errs...)
}

func (m *Manager) giveUpClaims(h *address.Held) error {
	subnets, tags, err := h.Mine()
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range subnets {
		errs = append(errs, h.FreeSubnet(s))
	}
	for _, t := range tags {
		errs = append(errs, h.FreeTag(t))
	}
	others, err := h.Neighbours()
	if err != nil || len(others) > 0 {
		return errors.Join(append(errs, err)...)
	}
	return errors.Join(append(errs, m.restoreForwarding())...)
}
