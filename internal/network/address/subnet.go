package address

import (
	"fmt"
	"iter"
	"net/netip"
)

// DefaultPools are the prefixes that subnets come from when the operator names none: 10.90.0.0/16 to 10.99.0.0/16.
func DefaultPools() []netip.Prefix {
	pools := make([]netip.Prefix, 0, 10)
	for i := range byte(10) {
		pools = append(pools, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 90 + i, 0, 0}), 16))
	}
	return pools
}

// private are the ranges of RFC 1918 and the shared one of RFC 6598.
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
}

// CheckSubnet refuses a prefix that must not be routed to containers: one that is not private, since its true owner could
// no longer be reached, and one that is too small or too large to use.
func CheckSubnet(p netip.Prefix) error {
	if !p.IsValid() || !p.Addr().Is4() {
		return fmt.Errorf("subnet %s: Bailey's networks are IPv4 only; give a subnet such as 10.100.0.0/24", p)
	}
	if p != p.Masked() {
		return fmt.Errorf("subnet %s has host bits set: did you mean %s?", p, p.Masked())
	}
	if p.Bits() < 8 || p.Bits() > 29 {
		return fmt.Errorf("subnet %s: want a prefix from /8 to /29", p)
	}
	for _, q := range private {
		if q.Bits() <= p.Bits() && q.Contains(p.Addr()) {
			return nil
		}
	}
	return fmt.Errorf("subnet %s is not private: choose one inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10", p)
}

// Overlap returns the first of the others that shares an address with p.
func Overlap(p netip.Prefix, others []netip.Prefix) (netip.Prefix, bool) {
	for _, o := range others {
		// A default route overlaps everything and hinders nothing.
		if o.Bits() > 0 && p.Overlaps(o) {
			return o, true
		}
	}
	return netip.Prefix{}, false
}

// Candidates yields, pool by pool, the prefixes of the given length that overlap none of avoid.
func Candidates(pools []netip.Prefix, bits int, avoid []netip.Prefix) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for _, pool := range pools {
			if !pool.Addr().Is4() || pool.Bits() < 8 || pool.Bits() > bits || bits > 30 {
				continue
			}
			first, last := bounds(pool)
			step := uint64(1) << (32 - bits)
			for n := uint64(first); n <= uint64(last); n += step {
				p := netip.PrefixFrom(addr(uint32(n)), bits)
				if _, hit := Overlap(p, avoid); hit {
					continue
				}
				if !yield(p) {
					return
				}
			}
		}
	}
}
