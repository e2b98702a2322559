package dns

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// localTTL is short: a container's address changes when it is started again. Seconds.
const localTTL = 5

// answer returns the answer to a query. It never returns nil.
func (s *Server) answer(client netip.Addr, c Client, q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	opt := q.IsEdns0()
	if opt != nil {
		m.SetEdns0(maxUDPQuery, opt.Do())
		if opt.Version() != 0 {
			m.Rcode = dns.RcodeBadVers
			return m
		}
	}
	question := q.Question[0]
	name := strings.ToLower(strings.TrimSuffix(question.Name, "."))
	switch {
	case question.Qclass != dns.ClassINET:
		m.Rcode = dns.RcodeRefused
	case slices.Contains(unsupported, question.Qtype):
		m.Rcode = dns.RcodeNotImplemented
	case s.local(client, name, question, m):
	case linkLocal(name, question.Qtype):
		m.Rcode = dns.RcodeNameError
	case !c.External || !q.RecursionDesired:
		m.Rcode = dns.RcodeRefused
	default:
		s.outside(client, q, m)
	}
	return m
}

// unsupported are transfers, meta queries and the question for everything, which only serves to amplify.
var unsupported = []uint16{dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR, dns.TypeMAILA, dns.TypeMAILB, dns.TypeOPT, dns.TypeTSIG, dns.TypeTKEY}

// local answers about containers and this host itself, and reports whether the question was about them.
func (s *Server) local(client netip.Addr, name string, q dns.Question, m *dns.Msg) bool {
	head := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: localTTL}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761, 6.3
		switch q.Qtype {
		case dns.TypeA:
			m.Answer = append(m.Answer, &dns.A{Hdr: head, A: []byte{127, 0, 0, 1}})
		case dns.TypeAAAA:
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: head, AAAA: netip.IPv6Loopback().AsSlice()})
		}
		return true
	}
	if a, ok := reverseAddr(name); ok {
		target, own := s.dir.Reverse(client, a)
		if !own {
			return false
		}
		switch {
		case target == "":
			m.Rcode = dns.RcodeNameError
		case q.Qtype == dns.TypePTR:
			m.Answer = append(m.Answer, &dns.PTR{Hdr: head, Ptr: dns.Fqdn(target)})
		}
		return true
	}
	found := s.dir.Lookup(client, name)
	if len(found) == 0 {
		return false
	}
	if q.Qtype == dns.TypeA {
		for _, a := range found {
			m.Answer = append(m.Answer, &dns.A{Hdr: head, A: a.AsSlice()})
		}
	}
	return true
}

// linkLocal reports whether a name has no meaning outside the host and its link, so that asking others would only tell
// them about it: multicast DNS (RFC 6762), reverse names of link-local addresses, names that never exist (RFC 6761,
// RFC 7686), and single labels, except questions about the domain of that name itself.
func linkLocal(name string, qtype uint16) bool {
	labels := strings.Split(name, ".")
	if slices.Contains([]string{"local", "onion", "invalid"}, labels[len(labels)-1]) {
		return true
	}
	if a, ok := reverseAddr(name); ok {
		return a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified()
	}
	if name == "" || len(labels) > 1 {
		return false
	}
	return !slices.Contains([]uint16{dns.TypeNS, dns.TypeSOA, dns.TypeDS, dns.TypeDNSKEY}, qtype)
}

// reverseAddr reads the address out of a name below in-addr.arpa (RFC 1035, 3.5) or ip6.arpa (RFC 3596, 2.5).
func reverseAddr(name string) (netip.Addr, bool) {
	if v4, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		parts := strings.Split(v4, ".")
		slices.Reverse(parts)
		a, err := netip.ParseAddr(strings.Join(parts, "."))
		return a, err == nil && a.Is4()
	}
	v6, ok := strings.CutSuffix(name, ".ip6.arpa")
	if !ok || len(v6) != 63 {
		return netip.Addr{}, false
	}
	var b strings.Builder
	for i := 62; i >= 0; i -= 2 {
		b.WriteByte(v6[i])
		if i%8 == 0 && i > 0 {
			b.WriteByte(':')
		}
	}
	a, err := netip.ParseAddr(b.String())
	return a, err == nil && a.Is6()
}

// outside answers from the client's cache or the host's resolvers.
func (s *Server) outside(client netip.Addr, q, m *dns.Msg) {
	key := keyOf(q)
	if hit := s.cache.get(client, key); hit != nil {
		hit.into(m)
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, queryTimeout)
	defer cancel()
	r, err := s.forward.exchange(ctx, q)
	if err != nil {
		m.Rcode = dns.RcodeServerFailure
		return
	}
	if !s.rebind {
		r.Answer = slices.DeleteFunc(r.Answer, s.pointsInside)
		r.Extra = slices.DeleteFunc(r.Extra, s.pointsInside)
	}
	got := newEntry(r)
	s.cache.put(client, key, got)
	got.into(m)
}
