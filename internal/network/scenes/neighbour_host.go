package scenes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/vishvananda/netlink"
)

// The addresses of the cable between the host and its neighbour: of
// documentation (RFC 5737), and one of the link-local range, of which the
// metadata services of clouds are a part.
var (
	hostSide  = netip.MustParsePrefix("203.0.113.241/30")
	neighbour = netip.MustParsePrefix("203.0.113.242/30")
	linkLocal = netip.MustParsePrefix("169.254.213.77/32")
)

// metadata are the services of clouds that tell a machine who it is.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("192.0.0.192"),
}

// neighbourHost is another machine on the host's network: a container without
// any network but a cable to the host, which the prover pulls. The host gets
// an interface and routes of its own, which go with the container.
func neighbourHost(ctx context.Context, s scene.Stage) (scene.Actor, error) {
	return scene.Once(ctx, s, "network/neighbour-host", func(ctx context.Context, s scene.Stage) (scene.Actor, error) {
		a, err := role{name: "machine", mode: "none", caps: netAdmin, serves: true}.enter(ctx, s)
		if err != nil {
			return nil, err
		}
		pid, err := a.PID(ctx)
		if err != nil {
			return nil, probe.Untried("%w", err)
		}
		if err := cable(pid); err != nil {
			return nil, probe.Untried("a cable to another machine: %w", err)
		}
		for _, own := range append([]netip.Prefix{neighbour, linkLocal}, hostPrefixes(metadata)...) {
			if _, err := a.Do(ctx, "address", "out0", own.String()); err != nil {
				return nil, probe.Untried("%w", err)
			}
		}
		// What is for containers it sends to the host, as a hostile neighbour would.
		for _, r := range []role{victim, peer} {
			address, err := r.address(ctx, s)
			if err != nil {
				return nil, err
			}
			if _, err := a.Do(ctx, "route", address.String()+"/32", hostSide.Addr().String()); err != nil {
				return nil, probe.Untried("%w", err)
			}
		}
		return a, nil
	})
}

func hostPrefixes(addresses []netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range addresses {
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	return out
}

// cable makes a link from the host to the network namespace of a process.
func cable(pid int) error {
	name := fmt.Sprintf("blyprove%d", pid%1_000_000)
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "out0", PeerNamespace: netlink.NsPid(pid)}
	if err := netlink.LinkAdd(pair); err != nil {
		return err
	}
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0) // where there is IPv6
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if err := errors.Join(netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(hostSide)}), netlink.LinkSetUp(link)); err != nil {
		return err
	}
	// A metadata service that is there is attacked itself: its route is the host's to keep.
	for _, p := range append([]netip.Prefix{linkLocal}, hostPrefixes(absent(metadata))...) {
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(p), Scope: netlink.SCOPE_LINK}); err != nil {
			return err
		}
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// answering is how long a metadata service that exists may take to answer.
const answering = 200 * time.Millisecond

// absent are the services that do not answer this host.
func absent(services []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range services {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(a.String(), "80"), answering)
		if err != nil {
			out = append(out, a)
			continue
		}
		_ = conn.Close()
	}
	return out
}
