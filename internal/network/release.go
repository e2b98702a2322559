package network

import (
	"context"
	"net/netip"

	"github.com/bailey-run/bailey/internal/network/firewall"
	"github.com/bailey-run/bailey/internal/network/link"
)

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
		}
	}
	m.dns.DropContainer(containerID)
	m.mu.Unlock()
	m.dns.Flush()

	var err error
	if len(remove.Ports) > 0 || len(remove.Published) > 0 {
		err = m.fw.Change(firewall.State{}, remove)
	}
	for _, e := range w.Endpoints {
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
