package link

import (
	"errors"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// BridgeSpec describes a bridge. One without ports serves as the interface that holds a gateway address.
type BridgeSpec struct {
	Name string
	MAC  net.HardwareAddr
	// IP is the gateway's address with the subnet's prefix length.
	IP    netip.Prefix
	Group uint32
	MTU   int
}

// bridged are the settings of a bridge: like those of a routed link, but its own address, and no other, answers ARP.
var bridged = append([]setting{{confARPIgnore, 1}}, without(routed, confARPIgnore)...)

func without(settings []setting, key uint32) []setting {
	var out []setting
	for _, s := range settings {
		if s.key != key {
			out = append(out, s)
		}
	}
	return out
}

// AddBridge makes a bridge, or repairs the one of that name, and returns its index.
func (c *Conn) AddBridge(s BridgeSpec) (int, error) {
	r := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	r.AddData(newLink(0, 0, 0))
	r.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(s.Name)))
	r.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(s.Group)))
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(unix.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
	data := info.AddRtAttr(unix.IFLA_INFO_DATA, nil)
	// No spanning tree and no multicast queries: every port is one container, and none may steer the bridge.
	data.AddRtAttr(unix.IFLA_BR_STP_STATE, nl.Uint32Attr(0))
	data.AddRtAttr(unix.IFLA_BR_FORWARD_DELAY, nl.Uint32Attr(0))
	data.AddRtAttr(unix.IFLA_BR_MCAST_SNOOPING, nl.Uint8Attr(0))
	r.AddData(info)
	err := c.do(request{what: "make the bridge " + s.Name, NetlinkRequest: r, except: []unix.Errno{unix.EEXIST}})
	if err != nil {
		return 0, err
	}
	index, err := c.Index(s.Name)
	if err != nil {
		return 0, err
	}
	if err := noIPv6(s.Name); err != nil {
		return 0, err
	}
	return index, c.do(
		request{what: "set up the bridge " + s.Name, NetlinkRequest: setLink(index, true, inetSettings(bridged),
			nl.NewRtAttr(unix.IFLA_ADDRESS, s.MAC), nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(s.MTU))))},
		request{what: "give the bridge " + s.Name + " its address", NetlinkRequest: newAddr(index, s.IP, false)},
	)
}

// Delete removes an interface by name; one that is gone already is no error.
func (c *Conn) Delete(name string) error {
	r := nl.NewNetlinkRequest(unix.RTM_DELLINK, 0)
	r.AddData(newLink(0, 0, 0))
	r.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	return c.do(request{what: "remove the link " + name, NetlinkRequest: r, except: []unix.Errno{unix.ENODEV}})
}

// DeleteMany removes interfaces by name at once: the kernel waits for readers once instead of once for each. Those that are
// gone already are no error. doomed is a group number that nothing else is in.
func (c *Conn) DeleteMany(names []string, doomed uint32) error {
	if len(names) == 0 {
		return nil
	}
	var errs []error
	const most = 256 // keeps a batch and its acknowledgements inside the socket's buffers
	for len(names) > 0 {
		n := min(len(names), most)
		batch := make([]request, 0, n)
		for _, name := range names[:n] {
			r := nl.NewNetlinkRequest(unix.RTM_SETLINK, 0)
			r.AddData(newLink(0, 0, 0))
			r.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
			r.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(doomed)))
			batch = append(batch, request{what: "mark the link " + name, NetlinkRequest: r, except: []unix.Errno{unix.ENODEV}})
		}
		errs = append(errs, c.do(batch...))
		names = names[n:]
	}
	errs = append(errs, c.DeleteGroup(doomed))
	return errors.Join(errs...)
}

// DeleteGroup removes all interfaces of a group at once.
func (c *Conn) DeleteGroup(group uint32) error {
	r := nl.NewNetlinkRequest(unix.RTM_DELLINK, 0)
	r.AddData(newLink(0, 0, 0))
	r.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(group)))
	return c.do(request{what: "remove the links of this node", NetlinkRequest: r, except: []unix.Errno{unix.ENODEV}})
}
