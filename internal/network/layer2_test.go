package network

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/moby/moby/api/types/network"
	"github.com/vishvananda/netlink"
)

var broadcast = net.HardwareAddr{255, 255, 255, 255, 255, 255}

func (b *box) mac() net.HardwareAddr {
	hw, err := net.ParseMAC(b.a.Endpoints[0].MAC)
	if err != nil {
		b.t.Fatal(err)
	}
	return hw
}

func (b *box) ip() netip.Addr { return b.a.Endpoints[0].IP.Addr() }

func ethernet(dst, src net.HardwareAddr, kind uint16, payload []byte) []byte {
	f := append(append([]byte{}, dst...), src...)
	f = append(binary.BigEndian.AppendUint16(f, kind), payload...)
	return append(f, make([]byte, max(0, 60-len(f)))...)
}

// arp is an ARP message (RFC 826): op 1 asks, op 2 answers.
func arp(op uint16, sha net.HardwareAddr, spa netip.Addr, tha net.HardwareAddr, tpa netip.Addr) []byte {
	b := []byte{0, 1, 8, 0, 6, 4}
	b = binary.BigEndian.AppendUint16(b, op)
	b = append(append(b, sha...), spa.AsSlice()...)
	return append(append(b, tha...), tpa.AsSlice()...)
}

// datagram is an IPv4 packet with a UDP datagram that carries the word "bailey".
func datagram(src, dst netip.Addr) []byte {
	word := []byte("bailey")
	b := []byte{0x45, 0, 0, byte(28 + len(word)), 0, 1, 0, 0, 64, 17, 0, 0}
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(b[10:], ^uint16(sum))
	b = append(b, 0x10, 0, 0x20, 0, 0, byte(8+len(word)), 0, 0) // no checksum: RFC 768 allows it
	return append(b, word...)
}

func carriesWord(frame []byte) bool { return bytes.Contains(frame, []byte("bailey")) }

// frames are what a hostile container may send on a shared network; its twin is the same without the rules.
func TestFramesOnANetwork(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{})
	if !m.fw.Bridged() {
		t.Skip("needs a kernel with nftables for bridges")
	}
	w.create(m, "front", network.CreateRequest{})
	evil, victim := w.run(m, "evil", on("front")), w.run(m, "victim", on("front"))
	gw := evil.a.Endpoints[0].Gateway
	alien := net.HardwareAddr{2, 0, 0, 0, 0, 66}
	// A receiver may see a tagged frame without its tag.
	is := func(b []byte) func([]byte) bool {
		return func(f []byte) bool { return bytes.HasPrefix(f, b[:42]) || carriesWord(b) && carriesWord(f) }
	}
	frames := []struct {
		what  string
		frame []byte
	}{
		{"N-ARP: a gratuitous answer that the gateway is the attacker", ethernet(broadcast, evil.mac(), 0x0806, arp(2, evil.mac(), gw, broadcast, gw))},
		{"N-ARP: the same to the victim alone", ethernet(victim.mac(), evil.mac(), 0x0806, arp(2, evil.mac(), gw, victim.mac(), victim.ip()))},
		{"N-ARP: a question that claims the gateway's address", ethernet(broadcast, evil.mac(), 0x0806, arp(1, evil.mac(), gw, broadcast, victim.ip()))},
		{"N-ARP: an answer with a foreign hardware address inside", ethernet(victim.mac(), evil.mac(), 0x0806, arp(2, alien, evil.ip(), victim.mac(), victim.ip()))},
		{"an ARP frame from a foreign hardware address", ethernet(victim.mac(), alien, 0x0806, arp(2, alien, evil.ip(), victim.mac(), victim.ip()))},
		{"a packet from the gateway's address", ethernet(victim.mac(), evil.mac(), 0x0800, datagram(gw, victim.ip()))},
		{"a packet from a foreign hardware address", ethernet(victim.mac(), alien, 0x0800, datagram(evil.ip(), victim.ip()))},
		{"an IPv6 packet", ethernet(victim.mac(), evil.mac(), 0x86dd, append([]byte{0x60, 0, 0, 0, 0, 6, 59, 1}, append(make([]byte, 32), "bailey"...)...))},
		{"a tagged frame", ethernet(victim.mac(), evil.mac(), 0x8100, append([]byte{0, 7, 8, 0}, datagram(evil.ip(), victim.ip())...))},
		{"a twice tagged frame", ethernet(victim.mac(), evil.mac(), 0x88a8, append([]byte{0, 7, 8, 0}, datagram(evil.ip(), victim.ip())...))},
		{"a frame of another protocol", ethernet(broadcast, evil.mac(), 0x88cc, []byte("bailey padding padding padding padding"))},
		{"a wireless-style ARP message", ethernet(victim.mac(), evil.mac(), 0x0806, append([]byte{0, 6}, arp(2, evil.mac(), evil.ip(), victim.mac(), victim.ip())[2:]...))},
	}
	for _, x := range frames {
		if hears(t, victim.ns, "eth0", is(x.frame), func() { raw(t, evil.ns, "eth0", x.frame) }) {
			t.Errorf("%s crosses the bridge", x.what)
		}
	}
	honest := ethernet(victim.mac(), evil.mac(), 0x0800, datagram(evil.ip(), victim.ip()))
	if !hears(t, victim.ns, "eth0", is(honest), func() { raw(t, evil.ns, "eth0", honest) }) {
		t.Error("an honest packet does not cross the bridge")
	}
	ask := ethernet(broadcast, evil.mac(), 0x0806, arp(1, evil.mac(), evil.ip(), make([]byte, 6), victim.ip()))
	if !hears(t, victim.ns, "eth0", is(ask), func() { raw(t, evil.ns, "eth0", ask) }) {
		t.Error("an honest ARP question does not cross the bridge")
	}
	unprotect(t, m)
	for _, x := range frames {
		if !hears(t, victim.ns, "eth0", is(x.frame), func() { raw(t, evil.ns, "eth0", x.frame) }) {
			t.Errorf("twin of %s does not cross the bridge", x.what)
		}
	}
}

// N-ICC-L2: where containers are not to reach each other there is no ARP between them either.
func TestNoFramesBetweenIsolated(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{})
	w.create(m, "apart", network.CreateRequest{Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"}})
	w.create(m, "together", network.CreateRequest{})
	for _, x := range []struct {
		network string
		crosses bool
	}{{"apart", false}, {"together", true}, {Bridge, false}} {
		a, b := w.run(m, "a-"+x.network, on(x.network)), w.run(m, "b-"+x.network, on(x.network))
		serve(t, b.ns, "0.0.0.0:9000")
		ask := ethernet(broadcast, a.mac(), 0x0806, arp(1, a.mac(), a.ip(), make([]byte, 6), b.ip()))
		got := hears(t, b.ns, "eth0", func(f []byte) bool { return bytes.HasPrefix(f, ask[:42]) }, func() { raw(t, a.ns, "eth0", ask) })
		if got != x.crosses {
			t.Errorf("%s: an ARP question crosses: %t", x.network, got)
		}
		if x.crosses {
			reaches(t, x.network, a.ns, b.addr()+":9000")
		} else {
			blocked(t, x.network, a.ns, b.addr()+":9000")
		}
	}
}

// Where containers are not to reach each other, they do not by way of the gateway either.
func TestNoWayRoundIsolation(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{})
	w.create(m, "apart", network.CreateRequest{Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"}})
	a, b := w.run(m, "a", on("apart")), w.run(m, "b", on("apart"))
	serve(t, b.ns, "0.0.0.0:9000")
	for _, x := range []struct{ from, to *box }{{a, b}, {b, a}} {
		inside(t, x.from.ns, func() {
			eth0, err := netlink.LinkByName("eth0")
			w.must(err)
			w.must(netlink.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Dst: cidr(x.to.addr() + "/32"), Gw: x.from.a.Endpoints[0].Gateway.AsSlice()}))
		})
	}
	blocked(t, "an isolated peer by way of the gateway", a.ns, b.addr()+":9000")
	unprotect(t, m)
	reaches(t, "twin: an isolated peer by way of the gateway", a.ns, b.addr()+":9000")
}

// Packets with a source that is not the container's own never leave, by the rules alone: rp_filter, of which the loosest
// setting would win on a host where somebody loosened it, is off.
func TestSpoofedSource(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{})
	w.create(m, "front", network.CreateRequest{})
	noFilter := func(name string) {
		w.must(os.WriteFile("/proc/sys/net/ipv4/conf/"+name+"/rp_filter", []byte("0"), 0))
	}
	noFilter("all")
	to := netip.MustParseAddr(internetAddr)
	var twins []func()
	for _, name := range []string{Bridge, "front"} {
		evil, other := w.run(m, "evil-"+name, on(name)), w.run(m, "other-"+name, on(name))
		via := evil.a.Endpoints[0].Gateway
		if s, err := m.find(name); err == nil && !s.builtin {
			noFilter(s.Bridge)
		} else {
			noFilter(evil.a.Endpoints[0].HostIf)
		}
		gwMAC := w.gatewayMAC(evil, via)
		send := func(src netip.Addr) bool {
			f := ethernet(gwMAC, evil.mac(), 0x0800, datagram(src, to))
			return hears(t, w.neighbour, "eth0", carriesWord, func() { raw(t, evil.ns, "eth0", f) })
		}
		for _, src := range []string{other.addr(), via.String(), hostAddr, neighbourAddr, "203.0.113.5"} {
			if send(netip.MustParseAddr(src)) {
				t.Errorf("%s: a packet from %s left the host", name, src)
			}
		}
		if !send(evil.ip()) {
			t.Errorf("%s: an honest packet did not leave the host", name)
		}
		twins = append(twins, func() {
			for _, src := range []string{other.addr(), "203.0.113.5"} {
				if !send(netip.MustParseAddr(src)) {
					t.Errorf("twin on %s: a packet from %s did not leave the host", name, src)
				}
			}
		})
	}
	unprotect(t, m)
	for _, twin := range twins {
		twin()
	}
}

func (w *world) gatewayMAC(b *box, via netip.Addr) (hw net.HardwareAddr) {
	w.t.Helper()
	inside(w.t, b.ns, func() { hw = neighbourMAC(w.t, via) })
	return hw
}
