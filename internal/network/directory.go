package network

import (
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/network/dns"
)

// known is a container as the resolver is to know it; mu is held.
func (m *Manager) known(w *wired) dns.Container {
	c := dns.Container{ID: w.ContainerID}
	for _, e := range w.Endpoints {
		// Nobody has a name on the default segment, where nobody is reached either.
		if _, ok := m.nets[e.NetworkID]; ok {
			c.Endpoints = append(c.Endpoints, dns.Endpoint{Network: e.NetworkID, Addr: e.IP.Addr(), Names: slices.Clone(e.DNSNames), Links: slices.Clone(e.Links)})
		}
	}
	return c
}

// enter puts a network into the books and lets the resolver know; mu is held.
func (m *Manager) enter(s *segment) {
	m.nets[s.ID] = s
	m.dns.PutNetwork(dns.Network{ID: s.ID, Subnet: s.Subnet, Internal: s.Internal})
}

// strike takes it out again; mu is held.
func (m *Manager) strike(s *segment) {
	delete(m.nets, s.ID)
	m.dns.DropNetwork(s.ID)
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

// links reads "CONTAINER[:ALIAS]" of Docker's links, of which each gives the container alone a name for another.
func links(texts []string) ([]dns.Link, error) {
	var out []dns.Link
	for _, text := range texts {
		name, alias, named := strings.Cut(strings.ToLower(text), ":")
		if name = strings.TrimPrefix(name, "/"); isHex(name, fullID) {
			name = shortID(name)
		}
		if alias = strings.TrimPrefix(alias, "/"); !named {
			alias = name
		}
		if !validName(name) || !validName(alias) {
			return nil, invalid("link %q: want CONTAINER:ALIAS, each of letters, digits, hyphens, underscores and inner dots", clip(text))
		}
		out = append(out, dns.Link{Alias: alias, Name: name})
	}
	return out, nil
}

// fullID is how many digits a container's id has.
const fullID = 64

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
