package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Interface is what a listing says about one interface of the host.
type Interface struct {
	Name  string
	Index int
	// Master is the index of the bridge that it is a port of, or 0.
	Master int
	MTU    int
}

// steady lists again when what is listed changed meanwhile, as it does all the time where containers come and go.
func steady[T any](list func() (T, error)) (out T, err error) {
	const tries = 50
	for range tries {
		if out, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return out, err
}

// Interfaces lists the interfaces of the host whose names begin with prefix.
func Interfaces(prefix string) ([]Interface, error) {
	links, err := steady(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list the host's interfaces: %w", err)
	}
	var out []Interface
	for _, l := range links {
		if a := l.Attrs(); strings.HasPrefix(a.Name, prefix) {
			out = append(out, Interface{Name: a.Name, Index: a.Index, Master: a.MasterIndex, MTU: a.MTU})
		}
	}
	return out, nil
}

// Prefixes returns the IPv4 subnets and destinations that the host already uses, other than those of the interfaces that
// own says are this node's.
func Prefixes(own func(name string) bool) ([]netip.Prefix, error) {
	links, err := steady(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list the host's interfaces: %w", err)
	}
	mine := map[int]bool{}
	for _, l := range links {
		mine[l.Attrs().Index] = own(l.Attrs().Name)
	}
	routes, err := steady(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return nil, fmt.Errorf("list the host's routes: %w", err)
	}
	var out []netip.Prefix
	for _, r := range routes {
		if p, ok := prefix(r.Dst); ok && !mine[r.LinkIndex] {
			out = append(out, p)
		}
	}
	addrs, err := steady(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("list the host's addresses: %w", err)
	}
	for _, a := range addrs {
		if p, ok := prefix(a.IPNet); ok && !mine[a.LinkIndex] {
			out = append(out, p)
		}
	}
	return out, nil
}

func prefix(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), bits).Masked(), ok
}

// UplinkMTU returns the MTU of the interface that the host's default route leaves by, in bytes, and 1500 without one.
func UplinkMTU() int {
	const ethernet = 1500
	routes, err := steady(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return ethernet
	}
	for _, r := range routes {
		if r.Dst != nil && r.Dst.IP != nil && !r.Dst.IP.IsUnspecified() {
			continue
		}
		if l, err := netlink.LinkByIndex(r.LinkIndex); err == nil && l.Attrs().MTU >= 576 {
			return min(l.Attrs().MTU, ethernet)
		}
	}
	return ethernet
}

// SetPort makes an interface a port of a bridge, isolated from the other isolated ports or not.
func (c *Conn) SetPort(name string, bridge int, isolated bool) error {
	index, err := c.Index(name)
	if err != nil {
		return err
	}
	return c.do(portRequests(name, index, bridge, isolated)...)
}

// portRequests are the messages that make an interface a port. The second comes after the first because only a port has
// the settings of one.
func portRequests(name string, index, bridge int, isolated bool) []request {
	settings := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	settings.AddRtAttr(nl.IFLA_BRPORT_ISOLATED, nl.Uint8Attr(bit(isolated)))
	// A frame never leaves by the port that it came in by, and no port decides about the spanning tree or is root for it.
	settings.AddRtAttr(nl.IFLA_BRPORT_MODE, nl.Uint8Attr(0))
	settings.AddRtAttr(nl.IFLA_BRPORT_GUARD, nl.Uint8Attr(1))
	settings.AddRtAttr(nl.IFLA_BRPORT_PROTECT, nl.Uint8Attr(1))
	port := nl.NewNetlinkRequest(unix.RTM_SETLINK, 0)
	m := nl.NewIfInfomsg(unix.AF_BRIDGE)
	m.Index = int32(index)
	port.AddData(m)
	port.AddData(settings)
	return []request{
		{what: "make " + name + " a port of its bridge", NetlinkRequest: setLink(index, true, nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(bridge))))},
		{what: "set up " + name + " as a port", NetlinkRequest: port},
	}
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
