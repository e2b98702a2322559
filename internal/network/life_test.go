package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/network/link"
	"github.com/bailey-run/bailey/internal/network/nettest"
	"github.com/containerd/errdefs"
	"github.com/miekg/dns"
	"github.com/moby/moby/api/types/network"
	"github.com/vishvananda/netlink"
)

// N-PUB0 and its relatives: who reaches what is published where, and whom the container sees.
func TestPublish(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{Publish: PublishDNAT})
	w.create(m, "front", network.CreateRequest{})
	any4, host := netip.IPv4Unspecified(), netip.MustParseAddr(hostAddr)
	for _, name := range []string{Bridge, "front"} {
		r := on(name)
		r.Ports = []Port{{HostPort: 8001, ContainerPort: 9000}, {HostIP: any4, HostPort: 8002, ContainerPort: 9000},
			{HostIP: host, HostPort: 8003, ContainerPort: 9000}, {HostIP: host, ContainerPort: 9000}}
		b := w.run(m, "web-"+name, r)
		peer := w.run(m, "peer-"+name, on(name))
		serve(t, b.ns, "0.0.0.0:9000")
		chosen := b.a.Ports[3].HostPort
		if chosen == 0 {
			t.Fatal("no port was chosen")
		}
		for _, p := range []uint16{8002, 8003, chosen} {
			if saw := reaches(t, "N-PUB0", w.neighbour, fmt.Sprintf("%s:%d", hostAddr, p)); saw != neighbourAddr {
				t.Errorf("the container saw %q as the client", saw)
			}
		}
		blocked(t, "a port published on loopback by the host's address", w.neighbour, hostAddr+":8001")
		blocked(t, "a port that is not published", w.neighbour, hostAddr+":9000")
		blocked(t, "a published port from another container, by the host's address", peer.ns, hostAddr+":8002")
		if got := b.a.Ports[0]; got.HostIP.String() != "127.0.0.1" || got.DNAT {
			t.Errorf("default address: %+v", got)
		}
		w.must(m.Release(t.Context(), b.id))
		blocked(t, "a port of a container that is gone", w.neighbour, hostAddr+":8002")
	}
}

func TestPortConflicts(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{})
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	w.must(err)
	defer ln.Close()
	taken := ln.Addr().(*net.TCPAddr).AddrPort().Port()
	w.run(m, "first", WireRequest{Ports: []Port{{HostPort: 8001, ContainerPort: 80}}})
	for _, c := range []struct {
		p    Port
		kind error
	}{
		{Port{HostPort: taken, ContainerPort: 80}, errdefs.ErrFailedPrecondition},
		{Port{HostIP: netip.IPv4Unspecified(), HostPort: taken, ContainerPort: 80}, errdefs.ErrFailedPrecondition},
		{Port{HostPort: 8001, ContainerPort: 80}, errdefs.ErrFailedPrecondition},
		{Port{HostIP: netip.IPv4Unspecified(), HostPort: 8001, ContainerPort: 80}, errdefs.ErrFailedPrecondition},
		{Port{HostIP: netip.MustParseAddr("203.0.113.9"), HostPort: 80, ContainerPort: 80}, errdefs.ErrInvalidArgument},
		{Port{HostPort: 80}, errdefs.ErrInvalidArgument},
		{Port{HostPort: 80, ContainerPort: 80, Proto: "sctp"}, errdefs.ErrInvalidArgument},
	} {
		before := listing(t)
		_, err := m.Wire(t.Context(), WireRequest{ContainerID: randomHex(32), NetNS: nettest.NewNS(t), Ports: []Port{{HostPort: 9999, ContainerPort: 1}, c.p}})
		if !errors.Is(err, c.kind) {
			t.Errorf("%+v: %v", c.p, err)
		}
		if d := difference(before, listing(t)); d != "" {
			t.Errorf("%+v: a failed start left\n%s", c.p, d)
		}
	}
	if s, err := m.find(Bridge); err != nil || s.block.Used() != 2 || len(s.users) != 1 || len(m.containers) != 1 {
		t.Errorf("failed starts keep addresses: %d in use by %v", s.block.Used(), s.users)
	}
	w.run(m, "udp", WireRequest{Ports: []Port{{HostPort: 8001, ContainerPort: 80, Proto: UDP}, {HostPort: 9999, ContainerPort: 1}}})
}

// Where the host has a firewall of its own, published ports go by it: they are left to the proxy.
func TestPublishObeysTheHostsFirewall(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft(8) to play the host's firewall")
	}
	w := newWorld(t)
	r := WireRequest{Ports: []Port{{HostIP: netip.IPv4Unspecified(), ContainerPort: 80}}}
	if m := w.open(Options{}); !w.run(m, "free", r).a.Ports[0].DNAT || len(m.Warnings()) != 0 {
		t.Errorf("without a firewall the client's address is lost: %v", m.Warnings())
	}
	for _, chain := range []string{"type filter hook input priority 0; policy drop;", "type filter hook forward priority 0; policy drop;"} {
		out, err := exec.Command("nft", "add table ip filter; add chain ip filter X { "+chain+" }").CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		m := w.open(Options{})
		if w.run(m, "behind", r).a.Ports[0].DNAT {
			t.Errorf("published past a firewall: %s", chain)
		}
		if len(m.Warnings()) == 0 {
			t.Errorf("no word about %s", chain)
		}
		exec.Command("nft", "delete", "table", "ip", "filter").Run()
	}
}

// What a node leaves on the host when it is destroyed: nothing.
func TestDestroyLeavesNothing(t *testing.T) {
	w := newWorld(t)
	before := listing(t)
	m, err := Open(t.Context(), w.options(Options{Publish: PublishDNAT}))
	w.must(err)
	w.must(m.Adopt(t.Context(), nil))
	w.create(m, "front", network.CreateRequest{})
	w.create(m, "vault", network.CreateRequest{Internal: true})
	w.run(m, "a", WireRequest{Ports: []Port{{HostIP: netip.IPv4Unspecified(), HostPort: 8002, ContainerPort: 80}}})
	w.run(m, "b", on("front", "vault", Bridge))
	if _, err := m.Prewire(t.Context(), nettest.NewNS(t)); err != nil {
		t.Fatal(err)
	}
	if listing(t) == before {
		t.Fatal("the listing does not show what a node makes")
	}
	w.must(m.Destroy(t.Context()))
	w.must(m.Destroy(t.Context()))
	w.must(m.Close())
	if d := difference(before, listing(t)); d != "" {
		t.Errorf("left:\n%s", d)
	}
	if left, err := os.ReadDir(w.claims); err != nil || len(left) != 1 {
		t.Errorf("claims left: %v %v", left, err)
	}
}

// A daemon that was killed leaves everything; the next one keeps what lives and removes what died.
func TestAdopt(t *testing.T) {
	w := newWorld(t)
	o := w.options(Options{Publish: PublishDNAT})
	killed, err := Open(t.Context(), o)
	w.must(err)
	w.must(killed.Adopt(t.Context(), nil))
	w.create(killed, "front", network.CreateRequest{})
	front := on("front")
	front.Networks[0].Aliases = []string{"database"}
	front.Ports = []Port{{HostIP: netip.IPv4Unspecified(), HostPort: 8002, ContainerPort: 9000}}
	live, plain, dead := w.run(killed, "live", front), w.run(killed, "plain", WireRequest{}), w.run(killed, "dead", on("front", Bridge))
	serve(t, live.ns, "0.0.0.0:9000")
	serve(t, w.neighbour, "0.0.0.0:80")
	spare := nettest.NewNS(t)
	if _, err := killed.Prewire(t.Context(), spare); err != nil {
		t.Fatal(err)
	}
	killed.Close()
	before := listing(t)

	// What the engine stored, as it stored it.
	var stored []Attachment
	b, err := json.Marshal([]Attachment{live.a, plain.a})
	w.must(err)
	w.must(json.Unmarshal(b, &stored))

	m, err := Open(t.Context(), o)
	w.must(err)
	t.Cleanup(func() { m.Destroy(context.Background()); m.Close() })
	reaches(t, "a published port while nobody has adopted yet", w.neighbour, hostAddr+":8002")
	w.must(m.Adopt(t.Context(), stored))
	reaches(t, "a published port after a restart", w.neighbour, hostAddr+":8002")
	reaches(t, "outside from a container that was adopted", plain.ns, internetAddr+":80")
	reaches(t, "outside from an adopted container on a network", live.ns, internetAddr+":80")
	if got, ok := m.Attachment(live.id); !ok || got.Endpoints[0].IP != live.a.Endpoints[0].IP {
		t.Errorf("adopted %+v", got)
	}
	after := listing(t)
	for _, e := range dead.a.Endpoints {
		if strings.Contains(after, e.HostIf) || !strings.Contains(before, e.HostIf) || strings.Contains(after, e.IP.Addr().String()+" ") {
			t.Errorf("%s of a dead container is left", e.HostIf)
		}
	}
	// A new container gets nobody else's address, and the names are known again.
	next := w.run(m, "next", on("front"))
	if next.addr() == live.addr() {
		t.Error("an address was handed out twice")
	}
	if got, err := query(t, next.ns, "udp", next.a.DNS.String(), "database", dns.TypeA, confidence); got != "NOERROR "+live.addr() {
		t.Errorf("alias of an adopted container: %q %v", got, err)
	}
	if _, err := m.Wire(t.Context(), WireRequest{ContainerID: randomHex(32), NetNS: nettest.NewNS(t), Ports: front.Ports}); err == nil {
		t.Error("the port of an adopted container was given away")
	}
	var used *InUseError
	if _, err := m.Remove(t.Context(), "front"); !errors.As(err, &used) || !slices.Equal(used.Containers, []string{"live", "next"}) {
		t.Errorf("a network in use: %v", err)
	}
}

// Two nodes on a machine have different subnets and names, and do not reach each other's containers.
func TestTwoNodes(t *testing.T) {
	w := newWorld(t)
	// The first four digits of both ids are the same: names must differ all the same.
	one, two := w.open(Options{Node: "aaaa0001", Publish: PublishDNAT}), w.open(Options{Node: "aaaa0002"})
	if one.names == two.names || one.file.Segment == two.file.Segment {
		t.Fatalf("%v %v", one.file, two.file)
	}
	a, b := w.run(one, "a", WireRequest{Ports: []Port{{HostIP: netip.IPv4Unspecified(), HostPort: 8002, ContainerPort: 9000}}}), w.run(two, "b", WireRequest{})
	serve(t, a.ns, "0.0.0.0:9000")
	serve(t, b.ns, "0.0.0.0:9000")
	serve(t, w.neighbour, "0.0.0.0:80")
	blocked(t, "another node's container", a.ns, b.addr()+":9000")
	blocked(t, "another node's container", b.ns, a.addr()+":9000")
	blocked(t, "another node's published port", b.ns, hostAddr+":8002")
	reaches(t, "outside", a.ns, internetAddr+":80")
	reaches(t, "outside", b.ns, internetAddr+":80")
	w.must(two.Destroy(t.Context()))
	reaches(t, "outside, after another node is gone", a.ns, internetAddr+":80")
	reaches(t, "a published port, after another node is gone", w.neighbour, hostAddr+":8002")
	if on, _ := link.Forwarding(); !on {
		t.Error("a node that went switched forwarding off for one that stays")
	}
}

// Switching forwarding on for containers must not make the host a router between its own networks.
func TestHostDoesNotBecomeARouter(t *testing.T) {
	w := newWorld(t)
	second := nettest.NewNS(t)
	w.wire("up1", "203.0.113.1/24", second, "eth0", "203.0.113.2/24")
	nettest.In(t, second, func() { w.must(netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP("203.0.113.1")})) })
	nettest.In(t, w.neighbour, func() {
		w.must(netlink.RouteAdd(&netlink.Route{Dst: cidr("203.0.113.0/24"), Gw: net.ParseIP(hostAddr)}))
	})
	serve(t, second, "0.0.0.0:80")
	blocked(t, "routing before Bailey", w.neighbour, "203.0.113.2:80")
	m := w.open(Options{})
	blocked(t, "routing between networks of the host", w.neighbour, "203.0.113.2:80")
	serve(t, w.neighbour, "0.0.0.0:80")
	reaches(t, "outside", w.run(m, "a", WireRequest{}).ns, internetAddr+":80")
	w.must(m.Destroy(t.Context()))
	blocked(t, "routing after Bailey", w.neighbour, "203.0.113.2:80")
	// The twin: an administrator who wants it.
	w.open(Options{HostRouting: true})
	reaches(t, "twin: routing that is wanted", w.neighbour, "203.0.113.2:80")
}

// IPv6 is off on every interface of a node, on both ends, but not on a container's loopback.
func TestNoIPv6(t *testing.T) {
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil {
		t.Skip("needs a kernel with IPv6")
	}
	w := newWorld(t)
	m := w.open(Options{})
	w.create(m, "front", network.CreateRequest{})
	b := w.run(m, "b", on("front", Bridge))
	off := func(name string) string {
		value, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6")
		w.must(err)
		return strings.TrimSpace(string(value))
	}
	nettest.In(t, b.ns, func() {
		for name, want := range map[string]string{"eth0": "1", "eth1": "1", "lo": "0"} {
			if got := off(name); got != want {
				t.Errorf("in the container: disable_ipv6 of %s is %s, want %s", name, got, want)
			}
		}
	})
	links, err := link.Interfaces(m.names.prefix())
	w.must(err)
	if len(links) != 4 {
		t.Errorf("%v", links)
	}
	for _, l := range links {
		if got := off(l.Name); got != "1" {
			t.Errorf("disable_ipv6 of %s is %s", l.Name, got)
		}
	}
}

// The settings of the interfaces, as the kernel shows them.
func TestSettings(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{})
	w.create(m, "front", network.CreateRequest{})
	b, f := w.run(m, "b", WireRequest{}), w.run(m, "f", on("front"))
	s, err := m.find("front")
	w.must(err)
	for name, arp := range map[string]string{b.a.Endpoints[0].HostIf: "8", s.Bridge: "1", m.names.gateway(): "1"} {
		for key, want := range map[string]string{"forwarding": "1", "rp_filter": "1", "arp_ignore": arp, "accept_redirects": "0",
			"send_redirects": "0", "proxy_arp": "0", "route_localnet": "0", "accept_source_route": "0"} {
			got, err := os.ReadFile("/proc/sys/net/ipv4/conf/" + name + "/" + key)
			if err != nil || strings.TrimSpace(string(got)) != want {
				t.Errorf("%s of %s is %s, want %s (%v)", key, name, got, want, err)
			}
		}
	}
	port, err := netlink.LinkByName(f.a.Endpoints[0].HostIf)
	w.must(err)
	p, err := netlink.LinkGetProtinfo(port)
	w.must(err)
	if p.Hairpin || !p.Guard || !p.RootBlock || !p.Learning || p.Isolated {
		t.Errorf("port: %+v", p)
	}
}

// Nothing is left of many containers: no interface, rule, descriptor or goroutine.
func TestNoLeaks(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{Publish: PublishDNAT})
	w.create(m, "front", network.CreateRequest{})
	cycle := func(i int) {
		ns, err := nettest.OpenNS()
		w.must(err)
		defer ns.Close()
		r := WireRequest{ContainerID: randomHex(32), Name: fmt.Sprintf("c%d", i), NetNS: ns,
			Ports: []Port{{HostIP: netip.IPv4Unspecified(), ContainerPort: 80}}}
		if i%2 == 0 {
			seg, err := m.Prewire(t.Context(), ns)
			w.must(err)
			r.Segment = &seg
		}
		if i%3 == 0 {
			r.Networks = []Want{{Network: "front"}, {Network: Bridge}}
		}
		_, err = m.Wire(t.Context(), r)
		w.must(err)
		w.must(m.Release(t.Context(), r.ContainerID))
		w.must(m.Release(t.Context(), r.ContainerID))
	}
	cycle(0)
	quiet := func() string {
		deadline := time.Now().Add(20 * time.Second)
		for {
			links, err := link.Interfaces(m.names.linkPrefix())
			w.must(err)
			if len(links) == 0 || time.Now().After(deadline) {
				return listing(t)
			}
			time.Sleep(10 * time.Millisecond) // the kernel takes namespaces down in its own time
		}
	}
	before, goroutines, files := quiet(), runtime.NumGoroutine(), descriptors(t)
	for i := range 60 {
		cycle(i)
	}
	if d := difference(before, quiet()); d != "" {
		t.Errorf("left:\n%s", d)
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	if n := descriptors(t); n > files {
		t.Errorf("%d open files, %d before", n, files)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.containers)+len(m.spare)+len(m.ports) != 0 {
		t.Errorf("still in the books: %v %v %v", m.containers, m.spare, m.ports)
	}
	for _, s := range m.nets {
		if s.block.Used() != 1 || len(s.users) != 0 {
			t.Errorf("%s: %d addresses, users %v", s.Name, s.block.Used(), s.users)
		}
	}
}

// Starts, stops, connections, look-ups and networks of many at once.
func TestConcurrent(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{Publish: PublishDNAT})
	w.create(m, "front", network.CreateRequest{})
	w.create(m, "back", network.CreateRequest{})
	life := func(i int) error {
		ns, err := nettest.OpenNS()
		if err != nil {
			return err
		}
		defer ns.Close()
		r := WireRequest{ContainerID: randomHex(32), Name: fmt.Sprintf("c%d", i), NetNS: ns, Ports: []Port{{HostIP: netip.IPv4Unspecified(), ContainerPort: 80}}}
		if i%2 == 0 {
			r.Networks = []Want{{Network: "front"}}
		}
		if i%3 == 0 {
			seg, err := m.Prewire(t.Context(), ns)
			if err != nil {
				return err
			}
			r.Segment = &seg
		}
		a, err := m.Wire(t.Context(), r)
		if err != nil {
			return err
		}
		if got, err := query(t, ns, "udp", a.DNS.String(), "c0", dns.TypeMX, confidence); err != nil {
			return fmt.Errorf("look-up: %s %w", got, err)
		}
		if _, err := m.Connect(t.Context(), ConnectRequest{ContainerID: r.ContainerID, NetNS: ns, Want: Want{Network: "back"}}); err != nil {
			return err
		}
		if i%4 == 0 {
			if _, err := m.Disconnect(t.Context(), DisconnectRequest{ContainerID: r.ContainerID, NetNS: ns, Network: "back"}); err != nil {
				return err
			}
		}
		return m.Release(t.Context(), r.ContainerID)
	}
	networks := func(i int) error {
		name := fmt.Sprintf("n%d", i)
		if _, err := m.Create(t.Context(), network.CreateRequest{Name: name}); err != nil {
			return err
		}
		if _, err := m.List(t.Context(), Filter{}); err != nil {
			return err
		}
		_, err := m.Remove(t.Context(), name)
		return err
	}
	errs := make(chan error)
	const many = 40
	for i := range many {
		go func() { errs <- life(i) }()
	}
	const some = 8
	for i := range some {
		go func() { errs <- networks(i) }()
	}
	for range many + some {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.containers)+len(m.spare)+len(m.ports) != 0 || len(m.nets) != 3 {
		t.Errorf("still in the books: %v %v %v %v", m.containers, m.spare, m.ports, m.nets)
	}
}

func descriptors(t *testing.T) int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
