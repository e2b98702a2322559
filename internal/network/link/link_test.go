package link

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/nettest"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { nettest.Main(m) }

func testSpec(i int) Spec {
	ip := netip.AddrFrom4([4]byte{10, 90, byte(i >> 8), byte(i)})
	gw := netip.MustParseAddr("10.90.0.1")
	return Spec{Host: fmt.Sprintf("blytest-%06x", i), Inner: "eth0", HostMAC: address.HostMAC(ip), MAC: address.ContainerMAC(ip),
		Group: 7, MTU: 1500, IP: netip.PrefixFrom(ip, 32), Gateway: gw, GatewayMAC: address.HostMAC(ip), DefaultRoute: true}
}

func open(t testing.TB) *Conn {
	t.Helper()
	nettest.Require(t)
	c, err := Host()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// addGateway makes the interface that has the gateway's address of the links of testSpec.
func addGateway(t testing.TB, c *Conn) {
	t.Helper()
	gw := netip.MustParsePrefix("10.90.0.1/16")
	if _, err := c.AddBridge(BridgeSpec{Name: "blygate", MAC: address.GatewayMAC(gw.Addr()), IP: gw, Group: 7, MTU: 1500}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.DeleteGroup(7) })
}

// Everything of a batch is reported, each failure with what it was about, and what is already as wanted is no failure.
func TestBatchErrors(t *testing.T) {
	c := open(t)
	err := c.do(
		request{what: "first", NetlinkRequest: setLink(987654, true)},
		request{what: "second", NetlinkRequest: setLink(1, true)},
		request{what: "third", NetlinkRequest: setLink(987655, true), except: []unix.Errno{unix.ENODEV}},
		request{what: "fourth", NetlinkRequest: newRoute(route{index: 987656, via: netip.MustParseAddr("10.0.0.1")})},
	)
	if !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "first: ") || !strings.Contains(err.Error(), "fourth: ") ||
		strings.Contains(err.Error(), "second") || strings.Contains(err.Error(), "third") {
		t.Error(err)
	}
	if err := c.do(request{what: "again", NetlinkRequest: setLink(1, true)}); err != nil {
		t.Errorf("the connection is out of step: %v", err)
	}
}

// A link that cannot be made as a whole leaves nothing.
func TestAddUndoesItself(t *testing.T) {
	c := open(t)
	addGateway(t, c)
	ns := nettest.NewNS(t)
	s := testSpec(5)
	s.Bridge = 987654
	if err := c.Add(ns, s); err == nil {
		t.Fatal("a port of a bridge that does not exist")
	}
	left, err := Interfaces("blytest")
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
	s.Bridge = 0
	if err := c.Add(ns, s); err != nil {
		t.Fatal(err)
	}
	if err := c.Add(ns, s); !errors.Is(err, unix.EEXIST) {
		t.Errorf("the same name twice: %v", err)
	}
	if left, _ := Interfaces("blytest"); len(left) != 1 {
		t.Error("a second link of the same name took the first along")
	}
	for range 2 {
		if err := c.DeleteMany([]string{s.Host, "blytest-none"}, 8); err != nil {
			t.Error(err)
		}
	}
	if left, _ := Interfaces("blytest"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestInsideComesBack(t *testing.T) {
	nettest.Require(t)
	ns := nettest.NewNS(t)
	before, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		in, err := Inside(ns, func() error {
			if now, _ := os.Readlink("/proc/thread-self/ns/net"); now == before {
				t.Error("not inside")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		in.Close()
		if now, _ := os.Readlink("/proc/thread-self/ns/net"); now != before {
			t.Fatal("the thread stays inside")
		}
	}
	other, err := os.Open("/proc/self/ns/uts")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Inside(other, nil); err == nil {
		t.Error("entered what is no network namespace")
	}
}

func TestPrefixes(t *testing.T) {
	c := open(t)
	if _, err := c.AddBridge(BridgeSpec{Name: "blytestb1", MAC: address.GatewayMAC(netip.MustParseAddr("10.77.0.1")),
		IP: netip.MustParsePrefix("10.77.0.1/24"), Group: 9, MTU: 1500}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.DeleteGroup(9) })
	want := netip.MustParsePrefix("10.77.0.0/24")
	for own, there := range map[bool]bool{false: true, true: false} {
		got, err := Prefixes(func(name string) bool { return own && strings.HasPrefix(name, "blytest") })
		if err != nil || slices.Contains(got, want) != there {
			t.Errorf("own %t: %v %v", own, got, err)
		}
	}
}

func FuzzAcks(f *testing.F) {
	f.Add([]byte("\x14\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, _ := acks(b, 1, make([]request, 2)); n > len(b)/20 {
			t.Errorf("%d acknowledgements in %d bytes", n, len(b))
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	c := open(b)
	addGateway(b, c)
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
			addGateway(b, c)
			b.StartTimer()
		}
	}
}
