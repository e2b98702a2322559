package dns

import (
	"net/netip"
	"slices"
	"sync"
)

// Network is a network of the node, as the resolver needs to know it.
type Network struct {
	ID     string
	Subnet netip.Prefix
	// Internal networks have no way out.
	Internal bool
}

// Container is a running container.
type Container struct {
	ID        string
	Endpoints []Endpoint
}

// Endpoint is a container's place on one network. Names are in lower case; the first is the one for reverse look-ups.
type Endpoint struct {
	Network string
	Addr    netip.Addr
	Names   []string
	// Links are names that only this container knows there.
	Links []Link
}

// Link is another name, Alias, for what Name means on a network; both in lower case.
type Link struct{ Alias, Name string }

// Change is what becomes different in a [Table], all of it at one moment.
type Change struct {
	// Whole says that what is not in Networks and Containers is gone.
	Whole      bool
	Networks   []Network
	Containers []Container
	// GoneNetworks and GoneContainers are ids.
	GoneNetworks, GoneContainers []string
}

// Table is the [Directory] of a node. The zero value is an empty one. It is safe for concurrent use.
type Table struct {
	mu         sync.RWMutex
	networks   map[string]Network
	containers map[string]Container
	owners     map[netip.Addr]string // container ids
	names      map[string]map[string][]netip.Addr
}

// Apply makes a change and returns the addresses that belong to another container now, or to none.
func (t *Table) Apply(c Change) (freed []netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.owners
	if t.owners == nil || c.Whole {
		t.networks, t.containers = map[string]Network{}, map[string]Container{}
		t.owners, t.names = map[netip.Addr]string{}, map[string]map[string][]netip.Addr{}
	} else {
		before = make(map[netip.Addr]string)
	}
	drop := func(id string) {
		for _, e := range t.containers[id].Endpoints {
			before[e.Addr] = id
			t.remove(id, e)
		}
		delete(t.containers, id)
	}
	for _, id := range c.GoneContainers {
		drop(id)
	}
	for _, id := range c.GoneNetworks {
		delete(t.networks, id)
	}
	for _, n := range c.Networks {
		t.networks[n.ID] = n
	}
	for _, k := range c.Containers {
		drop(k.ID)
		for _, e := range k.Endpoints {
			if other := t.owners[e.Addr]; other != "" {
				before[e.Addr] = other
			}
			t.add(k.ID, e)
		}
		t.containers[k.ID] = k
	}
	for a, id := range before {
		if t.owners[a] != id {
			freed = append(freed, a)
		}
	}
	return freed
}

func (t *Table) add(id string, e Endpoint) {
	t.owners[e.Addr] = id
	zone := t.names[e.Network]
	if zone == nil {
		zone = map[string][]netip.Addr{}
		t.names[e.Network] = zone
	}
	for _, n := range e.Names {
		if !slices.Contains(zone[n], e.Addr) {
			zone[n] = append(zone[n], e.Addr)
		}
	}
}

func (t *Table) remove(id string, e Endpoint) {
	if t.owners[e.Addr] == id {
		delete(t.owners, e.Addr)
	}
	zone := t.names[e.Network]
	for _, n := range e.Names {
		zone[n] = slices.DeleteFunc(zone[n], func(a netip.Addr) bool { return a == e.Addr })
		if len(zone[n]) == 0 {
			delete(zone, n)
		}
	}
	if len(zone) == 0 {
		delete(t.names, e.Network)
	}
}

// Containers is how many there are.
func (t *Table) Containers() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.containers)
}

// Client implements [Directory].
func (t *Table) Client(addr, _ netip.Addr) (Client, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	id := t.owners[addr]
	if id == "" {
		return Client{}, false
	}
	var c Client
	for _, e := range t.containers[id].Endpoints {
		if n, ok := t.networks[e.Network]; ok && !n.Internal {
			c.External = true
		}
	}
	return c, true
}

// Lookup implements [Directory].
func (t *Table) Lookup(client netip.Addr, name string) []netip.Addr {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var found []netip.Addr
	for _, e := range t.containers[t.owners[client]].Endpoints {
		found = append(found, t.names[e.Network][name]...)
		for _, l := range e.Links {
			if l.Alias == name && l.Name != name {
				found = append(found, t.names[e.Network][l.Name]...)
			}
		}
	}
	return found
}

// Reverse implements [Directory].
func (t *Table) Reverse(client, addr netip.Addr) (string, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	own := false
	for _, n := range t.networks {
		own = own || n.Subnet.Contains(addr)
	}
	asker, known := t.containers[t.owners[client]]
	if !known {
		return "", own
	}
	for _, e := range t.containers[t.owners[addr]].Endpoints {
		shared := slices.ContainsFunc(asker.Endpoints, func(a Endpoint) bool { return a.Network == e.Network })
		if e.Addr == addr && shared && len(e.Names) > 0 {
			return e.Names[0], own
		}
	}
	return "", own
}
