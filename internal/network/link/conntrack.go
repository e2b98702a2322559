package link

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// flowsTo selects the tracked connections that an address answers.
type flowsTo netip.Addr

// MatchConntrackFlow implements netlink's filter.
func (f flowsTo) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	a, ok := netip.AddrFromSlice(flow.Reverse.SrcIP)
	return ok && a.Unmap() == netip.Addr(f)
}

// ForgetFlows makes the kernel forget the connections that lead to an address, after rewriting or without.
func ForgetFlows(a netip.Addr) error {
	if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, netlink.FAMILY_V4, flowsTo(a)); err != nil {
		return fmt.Errorf("forget the connections to %s: %w", a, err)
	}
	return nil
}
