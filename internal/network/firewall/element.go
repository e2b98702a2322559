package firewall

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// resolverPort is where containers ask.
const resolverPort = 53

// denied are destinations that no container may have, on any network: this host, loopback, link-local with the metadata
// services of most clouds, those services that live elsewhere (Azure's 168.63.129.16, Alibaba's 100.100.100.200, Oracle's
// 192.0.0.192), multicast outside a bridge's own segment, and what is reserved (RFC 6890).
var denied = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.100.100.200/32"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("192.0.0.192/32"),
	netip.MustParsePrefix("240.0.0.0/4"),
}

// elements is what a state means for each set.
func (s sets) elements(st State) map[*nftables.Set][]nftables.SetElement {
	m := map[*nftables.Set][]nftables.SetElement{}
	for _, p := range st.Subnets {
		m[s.subnets] = append(m[s.subnets], interval(p)...)
	}
	for _, g := range st.Gateways {
		addr := g.Addr.AsSlice()
		m[s.gateways] = append(m[s.gateways], key(addr))
		if g.Port == resolverPort {
			m[s.untracked] = append(m[s.untracked], key(addr))
			continue
		}
		for _, proto := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
			e := key(addr, word(proto), port(resolverPort))
			e.Val = append(slices.Clone(addr), port(g.Port)...)
			m[s.resolvers] = append(m[s.resolvers], e)
		}
	}
	for _, n := range st.Networks {
		br := ifname(n.Bridge)
		if !n.Isolated {
			m[s.same] = append(m[s.same], key(br, br))
		}
		if n.Internal {
			m[s.internal] = append(m[s.internal], key(br))
		}
	}
	for _, p := range st.Published {
		e, set := key(p.HostIP.AsSlice(), word(p.Proto), port(p.HostPort)), s.published
		if p.HostIP.IsUnspecified() {
			e, set = key(word(p.Proto), port(p.HostPort)), s.publishedAny
		}
		e.Val = append(p.IP.AsSlice(), port(p.Port)...)
		m[set] = append(m[set], e)
	}
	for _, p := range st.Ports {
		m[s.ports] = append(m[s.ports], key(ifname(p.Link), append(append([]byte{}, p.MAC...), 0, 0), p.IP.AsSlice()))
	}
	for _, g := range st.Guarded {
		m[s.guarded] = append(m[s.guarded], key(ifname(g)))
	}
	return m
}

// key concatenates the fields of a key, each already padded to four bytes.
func key(fields ...[]byte) nftables.SetElement {
	var k []byte
	for _, f := range fields {
		k = append(k, f...)
	}
	return nftables.SetElement{Key: k}
}

func word(b byte) []byte { return []byte{b, 0, 0, 0} }

func port(p uint16) []byte { return append(binary.BigEndian.AppendUint16(nil, p), 0, 0) }

// interval is the two elements that stand for a prefix: its first address, and the first one after it.
func interval(p netip.Prefix) []nftables.SetElement {
	p = p.Masked()
	first := p.Addr().As4()
	n := uint64(binary.BigEndian.Uint32(first[:])) + 1<<(32-p.Bits())
	out := []nftables.SetElement{{Key: first[:]}}
	if n < 1<<32 {
		out = append(out, nftables.SetElement{Key: binary.BigEndian.AppendUint32(nil, uint32(n)), IntervalEnd: true})
	}
	return out
}
