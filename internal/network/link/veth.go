package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Spec describes a veth pair: one end on the host, the other in a container.
type Spec struct {
	// Host and Inner are the names of the two ends, at most 15 bytes each.
	Host, Inner  string
	HostMAC, MAC net.HardwareAddr
	Group        uint32
	MTU          int
	IP           netip.Prefix
	Gateway      netip.Addr
	GatewayMAC   net.HardwareAddr
	DefaultRoute bool
	// Bridge is the index of the bridge that the host's end is a port of; 0 makes a routed link.
	Bridge int
	// Isolated keeps the port from exchanging frames with the bridge's other isolated ports.
	Isolated bool
}

// WithDefaultRoute is the spec with the container's default route over this link.
func (s Spec) WithDefaultRoute() Spec {
	s.DefaultRoute = true
	return s
}

// routed are the settings of a link that only ever carries one container's packets: source addresses are checked against
// the route back, ARP is never answered (both neighbours are fixed), nothing is redirected, loopback stays unroutable.
var routed = []setting{
	{confForwarding, 1},
	{confRPFilter, 1},
	{confARPIgnore, 8},
	{confARPAccept, 0},
	{confProxyARP, 0},
	{confAcceptRedirects, 0},
	{confSecureRedirects, 0},
	{confSendRedirects, 0},
	{confSharedMedia, 0},
	{confSourceRoute, 0},
	{confRouteLocalnet, 0},
}

// Add makes the pair, configures both ends and brings them up. IPv6 is off on both. On an error nothing of it is left.
func (c *Conn) Add(netns *os.File, s Spec) error {
	in, err := Inside(netns, noIPv6ByDefault)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := c.do(request{what: "make the link " + s.Host, NetlinkRequest: newVeth(netns, s)}); err != nil {
		return err
	}
	if err := errors.Join(c.hostEnd(s), in.innerEnd(s, true), c.settle(s.Host)); err != nil {
		return errors.Join(err, c.Delete(s.Host))
	}
	return nil
}

// settle waits until the end that was brought up first can send. It had no carrier then, and the kernel acts on a carrier
// that comes later when it finds the time; until that it drops what is sent, and a bridge keeps the port closed. Asking for
// the link makes it act at once (linkwatch_sync_dev, since Linux 6.8).
func (c *Conn) settle(name string) error {
	index, err := c.Index(name)
	if err != nil {
		return err
	}
	r := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	r.AddData(newLink(index, 0, 0))
	return c.do(request{what: "wait for the link " + name, NetlinkRequest: r})
}

func newVeth(netns *os.File, s Spec) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	r.AddData(newLink(0, 0, 0))
	r.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(s.Host)))
	r.AddData(nl.NewRtAttr(unix.IFLA_ADDRESS, s.HostMAC))
	r.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(s.Group)))
	common := func(add func(int, []byte) *nl.RtAttr) {
		add(unix.IFLA_MTU, nl.Uint32Attr(uint32(s.MTU)))
		// One queue each: the default is one per processor, and a container's link has no interrupts to spread.
		add(unix.IFLA_NUM_TX_QUEUES, nl.Uint32Attr(1))
		add(unix.IFLA_NUM_RX_QUEUES, nl.Uint32Attr(1))
	}
	common(func(kind int, data []byte) *nl.RtAttr {
		a := nl.NewRtAttr(kind, data)
		r.AddData(a)
		return a
	})
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(unix.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	peer := info.AddRtAttr(unix.IFLA_INFO_DATA, nil).AddRtAttr(vethInfoPeer, nil)
	peer.AddChild(newLink(0, 0, 0)) // a veth cannot be up before its peer exists
	peer.AddRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(s.Inner))
	peer.AddRtAttr(unix.IFLA_ADDRESS, s.MAC)
	peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(netns.Fd())))
	common(peer.AddRtAttr)
	r.AddData(info)
	return r
}

// hostEnd configures the host's end: as a port of a bridge, or with the one route to the container.
func (c *Conn) hostEnd(s Spec) error {
	index, err := c.Index(s.Host)
	if err != nil {
		return err
	}
	if err := noIPv6(s.Host); err != nil {
		return err
	}
	if s.Bridge != 0 {
		return c.do(portRequests(s.Host, index, s.Bridge, s.Isolated)...)
	}
	return c.do(
		request{what: "set up " + s.Host, NetlinkRequest: setLink(index, true, inetSettings(routed))},
		request{what: "fix the neighbour on " + s.Host, NetlinkRequest: newNeighbour(index, s.IP.Addr(), s.MAC)},
		request{what: "add the route to " + s.IP.Addr().String(), NetlinkRequest: newRoute(s.hostRoute(index))},
	)
}

func (s Spec) hostRoute(index int) route {
	return route{index: index, to: netip.PrefixFrom(s.IP.Addr(), 32), src: s.Gateway}
}

// innerEnd configures the container's end; the connection is one inside its namespace.
func (c *Conn) innerEnd(s Spec, loopback bool) error {
	index, err := c.Index(s.Inner)
	if err != nil {
		return fmt.Errorf("in the container: %w", err)
	}
	batch := []request{
		{what: "bring up the container's interface", NetlinkRequest: setLink(index, true)},
		{what: "give the container " + s.IP.String(), NetlinkRequest: newAddr(index, s.IP, s.IP.Bits() == 32)},
		{what: "fix the gateway's hardware address", NetlinkRequest: newNeighbour(index, s.Gateway, s.GatewayMAC)},
	}
	if loopback {
		batch = append(batch, request{what: "bring up the container's loopback", NetlinkRequest: setLink(1, true)})
	}
	if s.DefaultRoute {
		batch = append(batch, request{what: "add the container's default route",
			NetlinkRequest: newRoute(route{index: index, via: s.Gateway})})
	}
	return c.do(batch...)
}

// Rewire turns the pair that was added as old into what s says, without making a new one. Names and group stay old's.
func (c *Conn) Rewire(netns *os.File, old, s Spec) error {
	in, err := Inside(netns, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	s.Host, s.Inner = old.Host, old.Inner
	host, err := c.Index(s.Host)
	if err != nil {
		return err
	}
	inner, err := in.Index(s.Inner)
	if err != nil {
		return fmt.Errorf("in the container: %w", err)
	}
	gone := []unix.Errno{unix.ENOENT, unix.ESRCH, unix.EADDRNOTAVAIL}
	err = errors.Join(
		c.do(
			request{what: "remove the old route", NetlinkRequest: delRoute(old.hostRoute(host)), except: gone},
			request{what: "remove the old neighbour", NetlinkRequest: delNeighbour(host, old.IP.Addr()), except: gone},
			request{what: "set the hardware address", NetlinkRequest: setLink(host, true, nl.NewRtAttr(unix.IFLA_ADDRESS, s.HostMAC))}),
		in.do(
			request{what: "remove the old default route", NetlinkRequest: delRoute(route{index: inner, via: old.Gateway}), except: gone},
			request{what: "remove the old neighbour", NetlinkRequest: delNeighbour(inner, old.Gateway), except: gone},
			request{what: "remove the old address", NetlinkRequest: delAddr(inner, old.IP), except: gone},
			request{what: "set the hardware address", NetlinkRequest: setLink(inner, true, nl.NewRtAttr(unix.IFLA_ADDRESS, s.MAC))}),
	)
	if err != nil {
		return err
	}
	return errors.Join(c.hostEnd(s), in.innerEnd(s, false))
}

// SetDefaultRoute gives a container its default route over one of its interfaces, in place of any other.
func SetDefaultRoute(netns *os.File, inner string, gateway netip.Addr) error {
	in, err := Inside(netns, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	index, err := in.Index(inner)
	if err != nil {
		return fmt.Errorf("in the container: %w", err)
	}
	return in.do(request{what: "set the container's default route", NetlinkRequest: newRoute(route{index: index, via: gateway})})
}

// LoopbackOnly brings up loopback in a network namespace that gets no other interface.
func LoopbackOnly(netns *os.File) error {
	in, err := Inside(netns, noIPv6ByDefault)
	if err != nil {
		return err
	}
	defer in.Close()
	return in.do(request{what: "bring up the container's loopback", NetlinkRequest: setLink(1, true)})
}
