package link

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attribute numbers that x/sys/unix does not name (linux/veth.h, linux/ip.h, linux/neighbour.h).
const (
	vethInfoPeer = 1
	inetConf     = 1 // IFLA_INET_CONF

	confForwarding      = 1
	confProxyARP        = 3
	confAcceptRedirects = 4
	confSecureRedirects = 5
	confSendRedirects   = 6
	confSharedMedia     = 7
	confRPFilter        = 8
	confSourceRoute     = 9
	confARPIgnore       = 19
	confARPAccept       = 21
	confRouteLocalnet   = 26
)

// setting is one of net.ipv4.conf.<interface>.*, by its number in enum IPV4_DEVCONF_* (linux/ip.h).
type setting struct{ key, value uint32 }

func newLink(index int, flags, change uint32) *nl.IfInfomsg {
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index, m.Flags, m.Change = int32(index), flags, change
	return m
}

// setLink changes flags, master or IPv4 settings of an interface that exists.
func setLink(index int, up bool, attrs ...nl.NetlinkRequestData) *nl.NetlinkRequest {
	var flags, change uint32
	if up {
		flags, change = unix.IFF_UP, unix.IFF_UP
	}
	r := nl.NewNetlinkRequest(unix.RTM_NEWLINK, 0)
	r.AddData(newLink(index, flags, change))
	for _, a := range attrs {
		r.AddData(a)
	}
	return r
}

// inetSettings is IFLA_AF_SPEC with the IPv4 settings of an interface: one message instead of one file of /proc/sys each.
func inetSettings(settings []setting) nl.NetlinkRequestData {
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	conf := spec.AddRtAttr(unix.AF_INET, nil).AddRtAttr(inetConf, nil)
	for _, s := range settings {
		conf.AddRtAttr(int(s.key), nl.Uint32Attr(s.value))
	}
	return spec
}

// newAddr gives an interface an address. With noPrefix the kernel adds no route for the prefix.
func newAddr(index int, p netip.Prefix, noPrefix bool) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	m := nl.NewIfAddrmsg(unix.AF_INET)
	m.Prefixlen, m.Index = uint8(p.Bits()), uint32(index)
	r.AddData(m)
	a := p.Addr().AsSlice()
	r.AddData(nl.NewRtAttr(unix.IFA_LOCAL, a))
	r.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, a))
	if noPrefix {
		r.AddData(nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(unix.IFA_F_NOPREFIXROUTE)))
	}
	return r
}

// delAddr takes an address away.
func delAddr(index int, p netip.Prefix) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_DELADDR, 0)
	m := nl.NewIfAddrmsg(unix.AF_INET)
	m.Prefixlen, m.Index = uint8(p.Bits()), uint32(index)
	r.AddData(m)
	r.AddData(nl.NewRtAttr(unix.IFA_LOCAL, p.Addr().AsSlice()))
	return r
}

// neighbour is struct ndmsg (rtnetlink(7)).
type neighbour struct {
	index int
	state uint16
}

func (n neighbour) Len() int { return 12 }

func (n neighbour) Serialize() []byte {
	b := make([]byte, n.Len())
	b[0] = unix.AF_INET
	binary.NativeEndian.PutUint32(b[4:], uint32(n.index))
	binary.NativeEndian.PutUint16(b[8:], n.state)
	return b
}

// newNeighbour fixes the hardware address of a neighbour, so that no ARP is spoken about it.
func newNeighbour(index int, a netip.Addr, hw net.HardwareAddr) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	r.AddData(neighbour{index: index, state: unix.NUD_PERMANENT})
	r.AddData(nl.NewRtAttr(unix.NDA_DST, a.AsSlice()))
	r.AddData(nl.NewRtAttr(unix.NDA_LLADDR, hw))
	return r
}

func delNeighbour(index int, a netip.Addr) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_DELNEIGH, 0)
	r.AddData(neighbour{index: index})
	r.AddData(nl.NewRtAttr(unix.NDA_DST, a.AsSlice()))
	return r
}

// route is one IPv4 route of the main table.
type route struct {
	index int
	// to is invalid for the default route.
	to netip.Prefix
	// via is reached on the interface even if no subnet says so; invalid for a directly connected destination.
	via netip.Addr
	// src is the address that the host's own packets carry; invalid to leave the choice to the kernel.
	src netip.Addr
}

func (t route) request(kind, flags int) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(kind, flags)
	m := nl.NewRtMsg()
	if t.via.IsValid() {
		m.Flags, m.Scope = unix.RTNH_F_ONLINK, unix.RT_SCOPE_UNIVERSE
	} else {
		m.Scope = unix.RT_SCOPE_LINK
	}
	m.Family = unix.AF_INET
	if t.to.IsValid() {
		m.Dst_len = uint8(t.to.Bits())
		r.AddData(m)
		r.AddData(nl.NewRtAttr(unix.RTA_DST, t.to.Addr().AsSlice()))
	} else {
		r.AddData(m)
	}
	if t.via.IsValid() {
		r.AddData(nl.NewRtAttr(unix.RTA_GATEWAY, t.via.AsSlice()))
	}
	if t.src.IsValid() {
		r.AddData(nl.NewRtAttr(unix.RTA_PREFSRC, t.src.AsSlice()))
	}
	r.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(t.index))))
	return r
}

func newRoute(t route) *nl.NetlinkRequest {
	return t.request(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
}

func delRoute(t route) *nl.NetlinkRequest { return t.request(unix.RTM_DELROUTE, 0) }
