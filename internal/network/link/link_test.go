package link

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/nettest"
)

func TestMain(m *testing.M) { nettest.Main(m) }

func testSpec(i int) Spec {
	ip := netip.AddrFrom4([4]byte{10, 90, byte(i >> 8), byte(i)})
	gw := netip.MustParseAddr("10.90.0.1")
	return Spec{Host: fmt.Sprintf("blytest-%06x", i), Inner: "eth0", HostMAC: address.HostMAC(ip), MAC: address.ContainerMAC(ip),
		Group: 7, MTU: 1500, IP: netip.PrefixFrom(ip, 32), Gateway: gw, GatewayMAC: address.HostMAC(ip), DefaultRoute: true}
}

func BenchmarkAdd(b *testing.B) {
	nettest.Require(b)
	c, err := Host()
	if err != nil {
		b.Fatal(err)
	}
	gw := netip.MustParsePrefix("10.90.0.1/16")
	if _, err := c.AddBridge(BridgeSpec{Name: "blytest", MAC: address.GatewayMAC(gw.Addr()), IP: gw, Group: 7, MTU: 1500}); err != nil {
		b.Fatal(err)
	}
	var all []*os.File
	i := 1
	for b.Loop() {
		b.StopTimer()
		ns, err := nettest.OpenNS()
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, ns)
		i++
		s := testSpec(i)
		b.StartTimer()
		if err := c.Add(ns, s); err != nil {
			b.Fatal(err)
		}
		if len(all) == 100 {
			b.StopTimer()
			c.DeleteGroup(7)
			for _, f := range all {
				f.Close()
			}
			all = nil
			if _, err := c.AddBridge(BridgeSpec{Name: "blytest", MAC: address.GatewayMAC(gw.Addr()), IP: gw, Group: 7, MTU: 1500}); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
}
