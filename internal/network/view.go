package network

import (
	"context"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/network"
)

// List returns the networks that match, by name.
func (m *Manager) List(ctx context.Context, f Filter) ([]network.Summary, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := []network.Summary{}
	for _, s := range m.nets {
		if n := m.summary(s); f.matches(n.Network, s.builtin, len(s.users)) {
			out = append(out, n)
		}
	}
	for _, name := range []string{None, Host} {
		if n := m.wirelessView(name); f.matches(n, true, m.wirelessUsers(name)) {
			out = append(out, network.Summary{Network: n})
		}
	}
	slices.SortFunc(out, func(a, b network.Summary) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Inspect returns one network by name, id or unambiguous prefix of an id. Its error can be a [*NotFoundError].
func (m *Manager) Inspect(ctx context.Context, ref string) (network.Inspect, error) {
	if err := ctx.Err(); err != nil {
		return network.Inspect{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if name, ok := m.wireless(ref); ok {
		out := network.Inspect{Network: m.wirelessView(name), Containers: map[string]network.EndpointResource{}}
		for id, w := range m.containers {
			if name == None && w.ready && len(w.Endpoints) == 0 {
				out.Containers[id] = network.EndpointResource{Name: w.Name}
			}
		}
		return out, nil
	}
	s, err := m.find(ref)
	if err != nil {
		return network.Inspect{}, err
	}
	out := network.Inspect{Network: m.summary(s).Network, Containers: map[string]network.EndpointResource{}}
	for id := range s.users {
		w := m.containers[id]
		if w == nil || !w.ready {
			continue
		}
		for _, e := range w.Endpoints {
			if e.NetworkID == s.ID {
				out.Containers[id] = resource(w.Name, e)
			}
		}
	}
	return out, nil
}

func resource(name string, e Endpoint) network.EndpointResource {
	r := network.EndpointResource{Name: name, EndpointID: e.ID, IPv4Address: e.IP}
	if mac, err := net.ParseMAC(e.MAC); err == nil {
		r.MacAddress = network.HardwareAddr(mac)
	}
	return r
}

// summary shows a network as the Docker API does; mu is held.
func (m *Manager) summary(s *segment) network.Summary {
	n := network.Network{
		Name: s.Name, ID: s.ID, Created: s.Created, Scope: "local", Driver: "bridge", EnableIPv4: true,
		Internal: s.Internal, Attachable: s.Attachable,
		Options: map[string]string{}, Labels: map[string]string{},
		IPAM: network.IPAM{Driver: "default", Options: map[string]string{}, Config: []network.IPAMConfig{
			{Subnet: s.Subnet, IPRange: s.Range, Gateway: s.Gateway, AuxAddress: maps.Clone(s.Reserved)}}},
	}
	maps.Copy(n.Options, s.Options)
	maps.Copy(n.Labels, s.Labels)
	name := s.Bridge
	if s.builtin {
		// The words that clients look for. Containers of the default segment share no wire, so they do not reach each other.
		n.Options["com.docker.network.bridge.default_bridge"] = "true"
		n.Options["com.docker.network.bridge.enable_icc"] = "false"
		n.Options["com.docker.network.bridge.enable_ip_masquerade"] = "true"
		n.Options["com.docker.network.bridge.host_binding_ipv4"] = "127.0.0.1"
		n.Options["com.docker.network.driver.mtu"] = strconv.Itoa(s.MTU)
		name = m.names.gateway()
	}
	n.Options["com.docker.network.bridge.name"] = name
	return network.Summary{Network: n}
}

// wirelessView shows a predefined network without a wire.
func (m *Manager) wirelessView(name string) network.Network {
	driver := name
	if name == None {
		driver = "null"
	}
	return network.Network{
		Name: name, ID: builtinID(m.o.Node, name), Created: m.file.Created, Scope: "local", Driver: driver, EnableIPv4: true,
		IPAM:    network.IPAM{Driver: "default", Options: map[string]string{}, Config: []network.IPAMConfig{}},
		Options: map[string]string{}, Labels: map[string]string{},
	}
}

// wirelessUsers counts the containers on a predefined network without a wire; mu is held.
func (m *Manager) wirelessUsers(name string) int {
	count := 0
	for _, w := range m.containers {
		if name == None && w.ready && len(w.Endpoints) == 0 {
			count++
		}
	}
	return count
}
