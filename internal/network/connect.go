package network

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/bailey-run/bailey/internal/network/firewall"
	"github.com/bailey-run/bailey/internal/network/link"
)

// Connect puts a running container on one more network and returns all that it is on.
func (m *Manager) Connect(ctx context.Context, r ConnectRequest) (Attachment, error) {
	if err := ctx.Err(); err != nil {
		return Attachment{}, err
	}
	a, err := m.connect(r)
	if err != nil {
		return Attachment{}, fmt.Errorf("connect container %s to %s: %w", shortID(r.ContainerID), r.Want.Network, err)
	}
	return a, nil
}

func (m *Manager) connect(r ConnectRequest) (Attachment, error) {
	if name, ok := m.wireless(r.Want.Network); ok {
		return Attachment{}, conflict("%s is not a network that a running container can be put on: start it with --network %s", name, name)
	}
	if r.NetNS == nil {
		return Attachment{}, invalid("no network namespace was given")
	}
	w, p, err := m.planConnect(r)
	if err != nil {
		return Attachment{}, err
	}
	if err = m.conn.Add(r.NetNS, p.spec); err == nil {
		if guard := guardOf(p.seg, p.Endpoint); guard != nil {
			err = m.fw.Change(firewall.State{Ports: guard}, firewall.State{})
		}
		if err != nil {
			err = errors.Join(err, m.conn.Delete(p.HostIf))
		}
	}
	a, err := m.settleConnect(r, w, p, err)
	m.dns.Flush()
	return a, err
}

// settleConnect puts a new interface into the books, or gives back what was reserved for it.
func (m *Manager) settleConnect(r ConnectRequest, w *wired, p *planned, err error) (Attachment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.ready = true
	if err != nil {
		m.unreserve(r.ContainerID, []*planned{p})
		m.dns.PutContainer(m.known(w)) // its name may have changed meanwhile
		return Attachment{}, err
	}
	if p.DefaultRoute {
		for i := range w.Endpoints {
			w.Endpoints[i].DefaultRoute = false
		}
	}
	w.Endpoints = append(w.Endpoints, p.Endpoint)
	m.dns.PutContainer(m.known(w))
	return w.Attachment.clone(), nil
}

// planConnect reserves an address and a name for the new interface. The container counts as not ready until it is there.
func (m *Manager) planConnect(r ConnectRequest) (*wired, *planned, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.containers[r.ContainerID]
	if w == nil || !w.ready {
		return nil, nil, conflict("it has no network that could be added to: it does not run, or is just being started")
	}
	if len(w.Endpoints) == 0 {
		return nil, nil, conflict("it was started with --network none: start it without")
	}
	ifname := ""
	for i := 0; ifname == ""; i++ {
		name := fmt.Sprintf("eth%d", i)
		if !slices.ContainsFunc(w.Endpoints, func(e Endpoint) bool { return e.IfName == name }) {
			ifname = name
		}
	}
	p, err := m.reserveOne(WireRequest{ContainerID: r.ContainerID, Name: w.Name, Hostname: w.Hostname}, r.Want, ifname, nil)
	if err != nil {
		return nil, nil, err
	}
	all := []*planned{p}
	for _, e := range w.Endpoints {
		if s := m.nets[e.NetworkID]; s != nil {
			all = append(all, &planned{Endpoint: e, seg: s})
		}
	}
	// The published ports lead to the endpoint with the default route, so that one stays where it is.
	if len(w.Ports) == 0 || !slices.ContainsFunc(w.Endpoints, func(e Endpoint) bool { return e.DefaultRoute }) {
		chooseDefault(all)
	}
	w.ready = false
	return w, p, nil
}

// Disconnect takes a running container off a network and returns what it is still on.
func (m *Manager) Disconnect(ctx context.Context, r DisconnectRequest) (Attachment, error) {
	if err := ctx.Err(); err != nil {
		return Attachment{}, err
	}
	a, err := m.disconnect(r)
	if err != nil {
		return Attachment{}, fmt.Errorf("disconnect container %s from %s: %w", shortID(r.ContainerID), r.Network, err)
	}
	return a, nil
}

func (m *Manager) disconnect(r DisconnectRequest) (Attachment, error) {
	w, s, e, err := m.planDisconnect(r)
	if err != nil {
		return Attachment{}, err
	}
	// The address is not free before the link is gone; if it cannot be removed the container stays on the network.
	err = m.conn.Delete(e.HostIf)
	if err == nil {
		if guard := guardOf(s, e); guard != nil {
			err = m.fw.Change(firewall.State{}, firewall.State{Ports: guard})
		}
	}
	m.mu.Lock()
	w.ready = true
	if err != nil {
		m.dns.PutContainer(m.known(w)) // its name may have changed meanwhile
		m.mu.Unlock()
		m.dns.Flush()
		return Attachment{}, err
	}
	m.leave(r.ContainerID, s, e)
	w.Endpoints = slices.DeleteFunc(slices.Clone(w.Endpoints), func(x Endpoint) bool { return x.ID == e.ID })
	next := m.moveDefault(w, e)
	m.dns.PutContainer(m.known(w))
	a := w.Attachment.clone()
	m.mu.Unlock()
	m.dns.Flush()
	return a, setDefault(r.NetNS, next)
}

func (m *Manager) planDisconnect(r DisconnectRequest) (*wired, *segment, Endpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.containers[r.ContainerID]
	if w == nil || !w.ready {
		return nil, nil, Endpoint{}, conflict("it has no network: it does not run, or is just being started")
	}
	s, err := m.find(r.Network)
	if err != nil {
		return nil, nil, Endpoint{}, err
	}
	i := slices.IndexFunc(w.Endpoints, func(e Endpoint) bool { return e.NetworkID == s.ID })
	if i < 0 {
		return nil, nil, Endpoint{}, conflict("it is not on that network")
	}
	e := w.Endpoints[i]
	if slices.ContainsFunc(w.Ports, func(p BoundPort) bool { return p.ContainerIP == e.IP.Addr() }) {
		return nil, nil, Endpoint{}, conflict("its published ports lead there: make the container again without that network")
	}
	w.ready = false
	return w, s, e, nil
}

// moveDefault gives the default route of an endpoint that went to the best of the rest, if there is one; mu is held.
func (m *Manager) moveDefault(w *wired, gone Endpoint) *Endpoint {
	if !gone.DefaultRoute {
		return nil
	}
	var rest []*planned
	for _, e := range w.Endpoints {
		if s := m.nets[e.NetworkID]; s != nil {
			rest = append(rest, &planned{Endpoint: e, seg: s})
		}
	}
	chooseDefault(rest)
	for _, p := range rest {
		for i := range w.Endpoints {
			if w.Endpoints[i].ID == p.ID && p.DefaultRoute {
				w.Endpoints[i].DefaultRoute = true
				return &w.Endpoints[i]
			}
		}
	}
	return nil
}

func setDefault(netns *os.File, e *Endpoint) error {
	if e == nil || netns == nil {
		return nil
	}
	return link.SetDefaultRoute(netns, e.IfName, e.Gateway)
}

// Rename gives a container's new name to DNS. The container's [Attachment] has changed then: it is what [Manager.Adopt]
// should be given later.
func (m *Manager) Rename(_ context.Context, containerID, name string) error {
	m.rename(containerID, name)
	m.dns.Flush()
	return nil
}

func (m *Manager) rename(containerID, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.containers[containerID]
	if w == nil {
		return // it does not run; it is wired under its new name
	}
	w.Name = name
	w.Endpoints = slices.Clone(w.Endpoints)
	for i := range w.Endpoints {
		e := &w.Endpoints[i]
		s := m.nets[e.NetworkID]
		if s == nil || s.builtin {
			continue
		}
		e.DNSNames = dnsNames(name, containerID, w.Hostname, e.Aliases)
	}
	if w.ready {
		m.dns.PutContainer(m.known(w))
	}
}
