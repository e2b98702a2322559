package network

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/network/link"
	"github.com/bailey-run/bailey/internal/network/nettest"
	"github.com/bailey-run/bailey/internal/network/resolver/resolvertest"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if code, ok := resolvertest.Main(os.Args); ok {
		os.Exit(code)
	}
	nettest.Main(m)
}

// What lies around the host of a test. The test's own network namespace plays the host.
const (
	hostAddr      = "192.0.2.1"
	neighbourAddr = "192.0.2.2"
	internetAddr  = "198.51.100.80"
	metadataAddr  = "169.254.169.254"
)

// world is a host with a neighbour on its network, behind which the rest of the world lies.
type world struct {
	t         testing.TB
	neighbour *os.File
	claims    string
}

// newWorld makes the host's uplink and its neighbour.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, neighbour: nettest.NewNS(t), claims: filepath.Join(t.TempDir(), "nets")}
	w.must(link.SetForwarding(false))
	w.up("lo")
	w.wire("up0", hostAddr+"/24", w.neighbour, "eth0", neighbourAddr+"/24")
	nettest.In(t, w.neighbour, func() {
		w.up("lo")
		lo, err := netlink.LinkByName("lo")
		w.must(err)
		for _, a := range []string{internetAddr, metadataAddr} {
			w.must(netlink.AddrAdd(lo, &netlink.Addr{IPNet: cidr(a + "/32")}))
		}
		// A hostile neighbour sends what is for containers to the host.
		w.must(netlink.RouteAdd(&netlink.Route{Dst: cidr("10.0.0.0/8"), Gw: net.ParseIP(hostAddr)}))
	})
	w.must(netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(neighbourAddr)}))
	w.must(netlink.RouteAdd(&netlink.Route{Dst: cidr(metadataAddr + "/32"), Gw: net.ParseIP(neighbourAddr)}))
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) up(name string) {
	l, err := netlink.LinkByName(name)
	w.must(err)
	w.must(netlink.LinkSetUp(l))
}

// wire connects the host to another network namespace.
func (w *world) wire(here, hereAddr string, ns *os.File, there, thereAddr string) {
	w.t.Helper()
	v := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: here}, PeerName: there, PeerNamespace: netlink.NsFd(ns.Fd())}
	w.must(netlink.LinkAdd(v))
	w.t.Cleanup(func() { netlink.LinkDel(v) })
	set := func(name, addr string) {
		// IPv6 changes its addresses by itself for a while, and listings are compared here.
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
		l, err := netlink.LinkByName(name)
		w.must(err)
		w.must(netlink.AddrAdd(l, &netlink.Addr{IPNet: cidr(addr)}))
		w.must(netlink.LinkSetUp(l))
	}
	set(here, hereAddr)
	nettest.In(w.t, ns, func() { set(there, thereAddr) })
}

func cidr(s string) *net.IPNet {
	p := netip.MustParsePrefix(s)
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// resolvConf writes a resolv.conf that the resolver, who is nobody, can read.
func (w *world) resolvConf(text string) string {
	w.t.Helper()
	dir := w.t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		w.must(os.Chmod(d, 0o755))
	}
	path := filepath.Join(dir, "resolv.conf")
	w.must(os.WriteFile(path, []byte(text), 0o644))
	return path
}

var nodes atomic.Uint32

func (w *world) options(o Options) Options {
	if o.Dir == "" {
		o.Dir = w.t.TempDir()
	}
	if o.Node == "" {
		o.Node = fmt.Sprintf("%08x", 0xabcd0000+nodes.Add(1)<<16)
	}
	if o.ResolvConf == "" {
		o.ResolvConf = os.DevNull
	}
	if o.RunDir == "" {
		o.RunDir = filepath.Join(o.Dir, "run")
	}
	if o.Resolver == nil {
		program := &resolvertest.Program{}
		w.t.Cleanup(program.Kill) // also of tests that do not get to their end
		o.Resolver = program
	}
	o.ClaimsDir = w.claims
	return o
}

// open starts a manager, adopts nothing and destroys it at the end.
func (w *world) open(o Options) *Manager {
	w.t.Helper()
	m, err := Open(w.t.Context(), w.options(o))
	w.must(err)
	w.t.Cleanup(func() {
		if err := m.Destroy(context.Background()); err != nil {
			w.t.Error("destroy:", err)
		}
		m.Close()
	})
	w.must(m.Adopt(w.t.Context(), nil))
	return m
}

// unprotect removes the rules of a node and keeps them removed: what was blocked by them must work now.
func unprotect(t testing.TB, m *Manager) {
	t.Helper()
	m.cancel() // nobody watches
	if err := m.fw.Remove(); err != nil {
		t.Fatal(err)
	}
}

// box is a container: a network namespace with what a manager wired into it.
type box struct {
	t  testing.TB
	ns *os.File
	id string
	a  Attachment
}

func (b *box) addr() string { return b.a.Endpoints[0].IP.Addr().String() }

// run wires a container.
func (w *world) run(m *Manager, name string, r WireRequest) *box {
	w.t.Helper()
	b := &box{t: w.t, ns: nettest.NewNS(w.t), id: randomHex(32)}
	r.ContainerID, r.Name, r.NetNS = b.id, name, b.ns
	var err error
	b.a, err = m.Wire(w.t.Context(), r)
	w.must(err)
	return b
}

func on(networks ...string) WireRequest {
	var r WireRequest
	for _, n := range networks {
		r.Networks = append(r.Networks, Want{Network: n})
	}
	return r
}

// serve answers every TCP connection to addr in a network namespace (nil for the host's) with the client's address.
func serve(t testing.TB, ns *os.File, addr string) {
	t.Helper()
	var ln net.Listener
	var err error
	inside(t, ns, func() { ln, err = net.Listen("tcp4", addr) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
			io.WriteString(c, host)
			c.Close()
		}
	}()
}

func inside(t testing.TB, ns *os.File, f func()) {
	t.Helper()
	if ns == nil {
		f()
		return
	}
	nettest.In(t, ns, f)
}

// patience is how long an attempt that should fail may take, since packets are delivered within a millisecond here;
// confidence is how long one may take that should succeed, on a machine that is busy with other things.
const (
	patience   = 200 * time.Millisecond
	confidence = 10 * time.Second
)

// dial connects from a network namespace and returns what the server says.
func dial(t testing.TB, ns *os.File, addr string, limit time.Duration) (said string, err error) {
	t.Helper()
	inside(t, ns, func() {
		var c net.Conn
		if c, err = net.DialTimeout("tcp4", addr, limit); err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(limit))
		var b []byte
		b, err = io.ReadAll(c)
		said = string(b)
	})
	return said, err
}

func reaches(t testing.TB, what string, ns *os.File, addr string) string {
	t.Helper()
	said, err := dial(t, ns, addr, confidence)
	if err != nil {
		t.Errorf("%s does not work: %v", what, err)
	}
	return said
}

func blocked(t testing.TB, what string, ns *os.File, addr string) {
	t.Helper()
	if said, err := dial(t, ns, addr, patience); err == nil {
		t.Errorf("%s succeeded (the server saw %s)", what, said)
	}
}

// carrier is what a listing says about the state of a bridge without ports, which the kernel notices a second late.
var carrier = regexp.MustCompile(`NO-CARRIER,|state [A-Z]+ |linkdown `)

// listing is everything of the host that a node could leave behind.
func listing(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for _, c := range [][]string{
		{"ip", "-o", "link"}, {"ip", "-o", "addr"}, {"ip", "route", "show", "table", "all"}, {"ip", "rule"}, {"ip", "neigh"},
		{"nft", "list", "ruleset"}, {"cat", "/proc/sys/net/ipv4/ip_forward"},
	} {
		out, err := exec.Command(c[0], c[1:]...).CombinedOutput()
		if err != nil {
			t.Skipf("needs %s to list what is left: %v %s", c[0], err, out)
		}
		fmt.Fprintf(&b, "$ %s\n%s", strings.Join(c, " "), carrier.ReplaceAllString(string(out), ""))
	}
	return b.String()
}

// difference is the lines that two listings do not have in common.
func difference(before, after string) string {
	var b strings.Builder
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	for _, l := range was {
		if !slices.Contains(is, l) {
			b.WriteString("- " + l + "\n")
		}
	}
	for _, l := range is {
		if !slices.Contains(was, l) {
			b.WriteString("+ " + l + "\n")
		}
	}
	return b.String()
}

// raw sends a frame on an interface of a network namespace.
func raw(t testing.TB, ns *os.File, ifname string, frame []byte) {
	t.Helper()
	inside(t, ns, func() {
		ifc, err := net.InterfaceByName(ifname)
		if err != nil {
			t.Error(err)
			return
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: ifc.Index}); err != nil {
			t.Error("send a frame:", err)
		}
	})
}

// hears sends something and reports whether a frame that wanted accepts arrives on an interface of a network namespace.
func hears(t testing.TB, ns *os.File, ifname string, wanted func(frame []byte) bool, send func()) bool {
	t.Helper()
	fd := -1
	inside(t, ns, func() {
		ifc, err := net.InterfaceByName(ifname)
		if err != nil {
			t.Error(err)
			return
		}
		const all = 0x0300 // ETH_P_ALL in network byte order
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all); err != nil {
			t.Error(err)
			return
		}
		tv := unix.NsecToTimeval((50 * time.Millisecond).Nanoseconds())
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
		if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifc.Index}); err != nil {
			t.Error(err)
		}
	})
	if fd < 0 {
		return false
	}
	defer unix.Close(fd)
	send()
	buf := make([]byte, 2048)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		n, from, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			continue
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if wanted(buf[:n]) {
			return true
		}
	}
	return false
}

// neighbourMAC is what the network namespace of the calling thread knows about a neighbour.
func neighbourMAC(t testing.TB, a netip.Addr) net.HardwareAddr {
	t.Helper()
	all, err := netlink.NeighList(0, netlink.FAMILY_V4)
	if err != nil {
		t.Error(err)
	}
	for _, n := range all {
		if got, ok := netip.AddrFromSlice(n.IP); ok && got.Unmap() == a {
			return n.HardwareAddr
		}
	}
	t.Errorf("%s is no neighbour", a)
	return nil
}
