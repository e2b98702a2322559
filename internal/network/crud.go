package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/firewall"
	"github.com/bailey-run/bailey/internal/network/link"
	"github.com/bailey-run/bailey/internal/network/store"
	"github.com/moby/moby/api/types/network"
)

// maxNetworks bounds how many networks a node has, each of which is an interface of the host.
const maxNetworks = 512

// Create makes a user-defined network. What of the request Bailey cannot give is an error, never ignored.
func (m *Manager) Create(ctx context.Context, r network.CreateRequest) (network.CreateResponse, error) {
	if err := ctx.Err(); err != nil {
		return network.CreateResponse{}, err
	}
	n, err := m.parse(r)
	if err != nil {
		return network.CreateResponse{}, err
	}
	m.crud.Lock()
	defer m.crud.Unlock()
	if err := m.create(&n); err != nil {
		return network.CreateResponse{}, fmt.Errorf("create network %s: %w", n.Name, err)
	}
	return network.CreateResponse{ID: n.ID}, nil
}

// create writes the network down before it makes anything, so that what a crash leaves is finished at the next start.
func (m *Manager) create(n *store.Network) error {
	m.mu.RLock()
	count, before := len(m.file.Networks), m.file
	taken := slices.ContainsFunc(m.file.Networks, func(o store.Network) bool { return o.Name == n.Name })
	m.mu.RUnlock()
	if taken {
		return conflict("a network of that name exists: choose another name, or bailey network rm %s", n.Name)
	}
	if count >= maxNetworks {
		return conflict("this node has %d networks already: bailey network prune removes those that nobody is on", count)
	}
	if err := m.claims.Locked(func(h *address.Held) error { return m.claimNetwork(h, n) }); err != nil {
		return err
	}
	s, err := newSegment(*n, n.Range)
	if err == nil {
		after := before
		after.Networks = append(slices.Clone(before.Networks), *n)
		if err = m.save(after); err == nil {
			if err = m.up(s); err != nil {
				err = errors.Join(err, m.save(before))
			}
		}
	}
	if err != nil {
		return errors.Join(err, m.unclaim(n.Subnet))
	}
	m.mu.Lock()
	m.enter(s)
	m.mu.Unlock()
	m.dns.Flush()
	return nil
}

// claimNetwork finds or checks the network's subnet.
func (m *Manager) claimNetwork(h *address.Held, n *store.Network) error {
	used, err := link.Prefixes(func(name string) bool { return strings.HasPrefix(name, family+m.file.Tag) })
	if err != nil {
		return err
	}
	others, _, err := h.Others()
	if err != nil {
		return err
	}
	mine, _, err := h.Mine()
	if err != nil {
		return err
	}
	avoid := slices.Concat(used, others, mine)
	if !n.Subnet.IsValid() {
		if n.Subnet, err = m.claimFree(h, networkBits, avoid); err != nil {
			return err
		}
		n.Gateway = n.Subnet.Addr().Next()
		return nil
	}
	if other, hit := address.Overlap(n.Subnet, avoid); hit {
		return conflict("subnet %s overlaps %s, which a network, an interface or a route of this host has: choose another --subnet, or leave it out", n.Subnet, other)
	}
	ok, err := h.Subnet(n.Subnet)
	if err == nil && !ok {
		err = conflict("subnet %s belongs to another node of this machine: choose another --subnet, or leave it out", n.Subnet)
	}
	return err
}

func (m *Manager) unclaim(p netip.Prefix) error {
	return m.claims.Locked(func(h *address.Held) error { return h.FreeSubnet(p) })
}

// save stores the networks and remembers them. crud is held.
func (m *Manager) save(f store.File) error {
	if err := store.Save(m.o.Dir, f); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.file = f
	return nil
}

// up makes a network work. The rules come before the bridge that they are about, and the resolver's after it listens.
func (m *Manager) up(s *segment) error {
	if err := m.fw.Change(stateOf(s), firewall.State{}); err != nil {
		return err
	}
	err := m.raise(s)
	if err == nil {
		err = m.fw.Change(resolverOf(s), firewall.State{})
	}
	if err != nil {
		return errors.Join(err, m.down(s))
	}
	return nil
}

// down removes a network from the host.
func (m *Manager) down(s *segment) error {
	m.dns.Unlisten(s.Gateway)
	return errors.Join(m.conn.Delete(s.Bridge), m.fw.Change(firewall.State{}, stateOf(s).Plus(resolverOf(s))))
}

// stateOf is a network in the firewall.
func stateOf(s *segment) firewall.State {
	st := firewall.State{Subnets: []netip.Prefix{s.Subnet}}
	if !s.builtin {
		st.Networks = []firewall.Network{{Bridge: s.Bridge, Internal: s.Internal, Isolated: s.Isolated}}
	}
	return st
}

// resolverOf is a network's resolver in the firewall, once it listens.
func resolverOf(s *segment) firewall.State {
	if s.dnsPort == 0 {
		return firewall.State{}
	}
	return firewall.State{Gateways: []firewall.Gateway{{Addr: s.Gateway, Port: s.dnsPort}}}
}

// Remove deletes a user-defined network that no container is on, and returns its id. Its error can be a [*NotFoundError] or
// an [*InUseError].
func (m *Manager) Remove(ctx context.Context, ref string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	m.crud.Lock()
	defer m.crud.Unlock()
	if name, ok := m.wireless(ref); ok {
		return "", predefined(name)
	}
	m.mu.RLock()
	s, err := m.find(ref)
	m.mu.RUnlock()
	if err != nil {
		return "", err
	}
	return s.ID, m.remove(s)
}

func predefined(name string) error {
	return denied("%s is a pre-defined network and cannot be removed", name)
}

// remove forgets the network first, so that what a crash leaves is removed at the next start. crud is held.
func (m *Manager) remove(s *segment) error {
	if s.builtin {
		return predefined(s.Name)
	}
	m.mu.Lock()
	if users := m.usersOf(s); len(users) > 0 {
		m.mu.Unlock()
		return &InUseError{Network: s.Name, Containers: users}
	}
	m.strike(s) // from here on nobody finds it
	after := m.file
	m.mu.Unlock()
	after.Networks = slices.DeleteFunc(slices.Clone(after.Networks), func(n store.Network) bool { return n.ID == s.ID })
	if err := m.save(after); err != nil {
		m.mu.Lock()
		m.enter(s)
		m.mu.Unlock()
		return err
	}
	if err := errors.Join(m.down(s), m.unclaim(s.Subnet)); err != nil {
		return fmt.Errorf("remove network %s: %w", s.Name, err)
	}
	return nil
}

// Prune deletes the user-defined networks that match and that no container is on, and returns their names.
func (m *Manager) Prune(ctx context.Context, f Filter) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.crud.Lock()
	defer m.crud.Unlock()
	m.mu.RLock()
	var unused []*segment
	for _, s := range m.nets {
		if !s.builtin && len(s.users) == 0 && f.matches(m.summary(s).Network, false, len(s.users)) {
			unused = append(unused, s)
		}
	}
	m.mu.RUnlock()
	slices.SortFunc(unused, func(a, b *segment) int { return strings.Compare(a.Name, b.Name) })
	names := []string{}
	var errs []error
	for _, s := range unused {
		var busy *InUseError
		switch err := m.remove(s); {
		case err == nil:
			names = append(names, s.Name)
		case !errors.As(err, &busy): // a container came in between
			errs = append(errs, err)
		}
	}
	return names, errors.Join(errs...)
}
