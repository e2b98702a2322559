package network

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/network/dns"
)

// directory shows the manager to the resolver.
type directory Manager

// Client implements [dns.Directory].
func (d *directory) Client(addr, _ netip.Addr) (dns.Client, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	w := d.owners[addr]
	if w == nil {
		return dns.Client{}, false
	}
	var c dns.Client
	for _, e := range w.Endpoints {
		if s := d.nets[e.NetworkID]; s != nil && !s.Internal {
			c.External = true
		}
	}
	return c, true
}

// Lookup implements [dns.Directory].
func (d *directory) Lookup(client netip.Addr, name string) []netip.Addr {
	d.mu.RLock()
	defer d.mu.RUnlock()
	w := d.owners[client]
	if w == nil {
		return nil
	}
	var found []netip.Addr
	for _, e := range w.Endpoints {
		// Nobody is in the names of the default segment, where nobody is reached either.
		if s := d.nets[e.NetworkID]; s != nil {
			found = append(found, s.names[name]...)
		}
	}
	return found
}

// Reverse implements [dns.Directory].
func (d *directory) Reverse(client, addr netip.Addr) (string, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	own := slices.ContainsFunc(values(d.nets), func(s *segment) bool { return s.Subnet.Contains(addr) })
	asker, target := d.owners[client], d.owners[addr]
	if asker == nil || target == nil {
		return "", own
	}
	for _, e := range target.Endpoints {
		shared := slices.ContainsFunc(asker.Endpoints, func(a Endpoint) bool { return a.NetworkID == e.NetworkID })
		if e.IP.Addr() == addr && shared && len(e.DNSNames) > 0 {
			return e.DNSNames[0], own
		}
	}
	return "", own
}

func values[K comparable, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// dnsNames are the names of a container on a user-defined network, each once: its name, its short id, its aliases and its
// host name.
func dnsNames(name, id, hostname string, aliases []string) []string {
	var out []string
	for _, n := range slices.Concat([]string{name, shortID(id)}, aliases, []string{hostname}) {
		n = strings.ToLower(n)
		if validName(n) && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func shortID(id string) string { return id[:min(12, len(id))] }

// validName accepts what can stand in a DNS question and in /etc/hosts: letters, digits, hyphens, underscores and inner
// dots.
func validName(n string) bool {
	if n == "" || len(n) > 253 {
		return false
	}
	for _, label := range strings.Split(n, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(c rune) bool {
			return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
		}) {
			return false
		}
	}
	return true
}

// addNames makes an endpoint's names resolve; mu is held.
func (s *segment) addNames(e Endpoint) {
	for _, n := range e.DNSNames {
		s.names[n] = append(s.names[n], e.IP.Addr())
	}
}

// dropNames makes them resolve no longer; mu is held.
func (s *segment) dropNames(e Endpoint) {
	for _, n := range e.DNSNames {
		s.names[n] = slices.DeleteFunc(s.names[n], func(a netip.Addr) bool { return a == e.IP.Addr() })
		if len(s.names[n]) == 0 {
			delete(s.names, n)
		}
	}
}
