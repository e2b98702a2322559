package scenes

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
)

// Kinds of frames. Source: IANA, IEEE 802 numbers.
const (
	ipv4 = 0x0800
	arp  = 0x0806
	vlan = 0x8100
	ipv6 = 0x86dd
	lldp = 0x88cc
)

// arrives is how long a frame may take to the next container. One that was
// dropped is waited for that long.
const arrives = 150 * time.Millisecond

// wire is what a forger knows: both ends and a third.
type wire struct {
	own, to, other    netip.Addr
	ownMAC, toMAC     net.HardwareAddr
	otherMAC          net.HardwareAddr
	broadcast, router net.HardwareAddr
}

// forgeries are frames that no honest member of a network sends.
var forgeries = []struct {
	id, tries, source string
	frame             func(w wire, word string) []byte
}{
	{"arp-other", "claim another member's address by ARP", "RFC 826", func(w wire, word string) []byte {
		return ethernet(w.toMAC, w.ownMAC, arp, claim(w.ownMAC, w.other, w.to), word)
	}},
	{"arp-gateway", "claim the gateway's address by ARP, to everybody", "RFC 826", func(w wire, word string) []byte {
		return ethernet(w.broadcast, w.ownMAC, arp, claim(w.ownMAC, gatewayOf(w.own), w.to), word)
	}},
	{"arp-other-hardware", "claim its own address for another member's hardware", "RFC 826", func(w wire, word string) []byte {
		return ethernet(w.toMAC, w.ownMAC, arp, claim(w.otherMAC, w.own, w.to), word)
	}},
	{"spoof-address", "send as another member", "RFC 2827", func(w wire, word string) []byte {
		return ethernet(w.toMAC, w.ownMAC, ipv4, udp(w.other, w.to, 7000, word), "")
	}},
	{"spoof-foreign", "send as somebody of another network", "RFC 2827", func(w wire, word string) []byte {
		return ethernet(w.toMAC, w.ownMAC, ipv4, udp(netip.MustParseAddr("198.51.100.9"), w.to, 7000, word), "")
	}},
	{"spoof-hardware", "send from another member's hardware address", "CWE-290", func(w wire, word string) []byte {
		return ethernet(w.toMAC, w.otherMAC, ipv4, udp(w.own, w.to, 7000, word), "")
	}},
	{"rogue-dhcp", "answer as a DHCP server", "RFC 2131", func(w wire, word string) []byte {
		return ethernet(w.broadcast, w.ownMAC, ipv4, udpFrom(w.other, 67, netip.MustParseAddr("255.255.255.255"), 68, word), "")
	}},
	{"rogue-router", "announce itself as a router of IPv6", "CVE-2020-10749", func(w wire, word string) []byte {
		return ethernet(w.router, w.ownMAC, ipv6, advertisement(), word)
	}},
	{"vlan", "hide a packet behind a VLAN tag", "CVE-2021-27853", func(w wire, word string) []byte {
		tagged := append([]byte{0, 1, 0x08, 0x00}, udp(w.other, w.to, 7000, word)...)
		return ethernet(w.toMAC, w.ownMAC, vlan, tagged, "")
	}},
	{"foreign-protocol", "speak a protocol of switches", "IEEE 802.1AB", func(w wire, word string) []byte {
		return ethernet(w.toMAC, w.ownMAC, lldp, []byte{2, 7, 4, 0, 0, 0, 0, 0, 0}, word)
	}},
}

// honest is the twin's frame.
func honest(w wire, word string) []byte {
	return ethernet(w.toMAC, w.ownMAC, ipv4, udp(w.own, w.to, 7000, word), "")
}

// frames has a member who has NET_RAW forge frames. Each holds a word by which
// another member knows it when it arrives.
func frames() []scene.Scene {
	var list []scene.Scene
	for _, f := range forgeries {
		list = append(list, of(control, f.id, f.tries, f.source, heard(f.id, f.frame), "network/honest-frame", heard("honest", honest)))
	}
	return list
}

// heard sends a frame from evil to peer, and looks whether it arrived.
func heard(id string, frame func(w wire, word string) []byte) half {
	const file = "/tmp/heard"
	return func(ctx context.Context, s scene.Stage) error {
		listener, err := peer.enter(ctx, s)
		if err != nil {
			return err
		}
		if _, err := scene.Once(ctx, s, "network/sniffer", func(ctx context.Context, _ scene.Stage) (bool, error) {
			return true, listener.Begin(ctx, "sniff", "eth0", "prove-", file)
		}); err != nil {
			return probe.Untried("%w", err)
		}
		w, err := between(ctx, s)
		if err != nil {
			return err
		}
		word := "prove-" + id
		if _, err := evil.acts(ctx, s, "inject", "eth0", hex.EncodeToString(frame(w, word+"\x00"))); err != nil {
			return err
		}
		for until := time.Now().Add(arrives); ; time.Sleep(10 * time.Millisecond) {
			seen, err := listener.Do(ctx, "read", file)
			switch {
			case err != nil:
				return probe.Untried("%w", err)
			case strings.Contains(seen, hex.EncodeToString([]byte(word+"\x00"))):
				return nil
			case time.Now().After(until):
				return errors.New("the frame did not arrive")
			}
		}
	}
}

// between is the wire from evil to peer; the third is both.
func between(ctx context.Context, s scene.Stage) (w wire, err error) {
	own, err := evil.endpoint(ctx, s, "red")
	if err != nil {
		return w, err
	}
	to, err := peer.endpoint(ctx, s, "red")
	if err != nil {
		return w, err
	}
	other, err := both.endpoint(ctx, s, "red")
	if err != nil {
		return w, err
	}
	return wire{
		own: own.IPAddress, to: to.IPAddress, other: other.IPAddress,
		ownMAC: net.HardwareAddr(own.MacAddress), toMAC: net.HardwareAddr(to.MacAddress), otherMAC: net.HardwareAddr(other.MacAddress),
		broadcast: net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, router: net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1},
	}, nil
}

// gatewayOf is the first address of a /24: close enough to a gateway's for a claim.
func gatewayOf(a netip.Addr) netip.Addr {
	b := a.As4()
	b[3] = 1
	return netip.AddrFrom4(b)
}

// ethernet puts a packet into a frame, with a word behind it.
func ethernet(to, from net.HardwareAddr, kind uint16, packet []byte, word string) []byte {
	frame := append(append([]byte{}, to...), from...)
	frame = binary.BigEndian.AppendUint16(frame, kind)
	frame = append(append(frame, packet...), word...)
	for len(frame) < 60 { // the least that Ethernet carries
		frame = append(frame, 0)
	}
	return frame
}

// claim is an ARP reply: an address is at some hardware.
func claim(hardware net.HardwareAddr, address, to netip.Addr) []byte {
	a, b := address.As4(), to.As4()
	packet := []byte{0, 1, 8, 0, 6, 4, 0, 2}
	packet = append(append(packet, hardware...), a[:]...)
	return append(append(packet, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), b[:]...)
}

// udp is a datagram to a server.
func udp(from, to netip.Addr, port uint16, word string) []byte {
	return udpFrom(from, 40000, to, port, word)
}

// udpFrom is a datagram without a checksum, which IPv4 allows (RFC 768).
func udpFrom(from netip.Addr, fromPort uint16, to netip.Addr, toPort uint16, word string) []byte {
	a, b := from.As4(), to.As4()
	length := uint16(8 + len(word))
	header := []byte{0x45, 0}
	header = binary.BigEndian.AppendUint16(header, 20+length)
	header = append(header, 0, 1, 0, 0, 64, 17, 0, 0)
	header = append(append(header, a[:]...), b[:]...)
	binary.BigEndian.PutUint16(header[10:], checksum(header))
	header = binary.BigEndian.AppendUint16(header, fromPort)
	header = binary.BigEndian.AppendUint16(header, toPort)
	header = binary.BigEndian.AppendUint16(header, length)
	return append(append(header, 0, 0), word...)
}

// checksum is that of the Internet (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// advertisement is one of a router, from a link-local address to all nodes
// (RFC 4861, section 4.2). Whether its checksum is right matters to those who
// let it pass.
func advertisement() []byte {
	packet := []byte{0x60, 0, 0, 0, 0, 16, 58, 255}
	packet = append(packet, netip.MustParseAddr("fe80::bad").AsSlice()...)
	packet = append(packet, netip.MustParseAddr("ff02::1").AsSlice()...)
	return append(packet, 134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0)
}
