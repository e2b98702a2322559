package dns

import (
	"net"
	"net/netip"

	"github.com/miekg/dns"
)

// inside are addresses that no answer from outside may point at: this host, link-local with the metadata services of most
// clouds, and those of other clouds (Azure, Alibaba, Oracle, EC2 over IPv6). Private addresses are not among them: names of
// a company's own network have them.
var inside = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("100.100.100.200/32"),
	netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("192.0.0.192/32"),
	netip.MustParsePrefix("224.0.0.0/3"),
	netip.MustParsePrefix("::/127"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("fd00:ec2::/32"),
}

// translated are prefixes whose last four bytes are an IPv4 address (RFC 4291, RFC 6052, RFC 6145).
var translated = []netip.Prefix{
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("::ffff:0:0:0/96"),
}

// pointsInside reports whether a record carries an address that only has a meaning inside the host, or one of a container.
func (s *Server) pointsInside(rr dns.RR) bool {
	switch rr := rr.(type) {
	case *dns.A:
		return s.isInside(rr.A)
	case *dns.AAAA:
		return s.isInside(rr.AAAA)
	case *dns.HTTPS:
		return s.hintsInside(rr.Value)
	case *dns.SVCB:
		return s.hintsInside(rr.Value)
	}
	return false
}

func (s *Server) hintsInside(values []dns.SVCBKeyValue) bool {
	for _, v := range values {
		var ips []net.IP
		switch v := v.(type) {
		case *dns.SVCBIPv4Hint:
			ips = v.Hint
		case *dns.SVCBIPv6Hint:
			ips = v.Hint
		}
		for _, ip := range ips {
			if s.isInside(ip) {
				return true
			}
		}
	}
	return false
}

func (s *Server) isInside(ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	if !ok {
		return false
	}
	a = a.Unmap()
	for _, p := range translated {
		if b := a.As16(); a.Is6() && p.Contains(a) {
			a = netip.AddrFrom4([4]byte(b[12:]))
			break
		}
	}
	for _, p := range inside {
		if p.Contains(a) {
			return true
		}
	}
	_, own := s.dir.Reverse(netip.Addr{}, a)
	return own
}
