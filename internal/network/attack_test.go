package network

import (
	"net"
	"net/netip"
	"testing"

	"github.com/bailey-run/bailey/internal/network/firewall"
	"github.com/bailey-run/bailey/internal/network/link"
	"github.com/moby/moby/api/types/network"
)

func (w *world) create(m *Manager, name string, r network.CreateRequest) string {
	w.t.Helper()
	r.Name = name
	out, err := m.Create(w.t.Context(), r)
	w.must(err)
	return out.ID
}

// Every attack is tried twice: against the rules, where it must fail, and after they are gone, where it must succeed, so
// that an attempt that fails for another reason cannot pass as blocked.
func TestAttacks(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{Publish: PublishDNAT})
	w.create(m, "front", network.CreateRequest{})
	w.create(m, "back", network.CreateRequest{})
	w.create(m, "vault", network.CreateRequest{Internal: true})

	a, b := w.run(m, "a", WireRequest{}), w.run(m, "b", WireRequest{})
	f1, f2 := w.run(m, "f1", on("front")), w.run(m, "f2", on("front"))
	k := w.run(m, "k", on("back"))
	v1, v2 := w.run(m, "v1", on("vault")), w.run(m, "v2", on("vault"))
	lo := w.run(m, "lo", WireRequest{Ports: []Port{{HostPort: 8088, ContainerPort: 9000}}})
	for _, c := range []*box{a, b, f1, f2, k, v1, v2, lo} {
		serve(t, c.ns, "0.0.0.0:9000")
	}
	serve(t, nil, "0.0.0.0:7000")
	serve(t, w.neighbour, "0.0.0.0:80")

	gateway := m.file.Segment.Addr().Next().String()
	attacks := []struct {
		id, what string
		from     *box
		to       string
	}{
		{"N-ICC", "a peer on the default segment", a, b.addr() + ":9000"},
		{"N-XNET", "a container on another network", f1, k.addr() + ":9000"},
		{"N-XNET", "the default segment from a network", f1, a.addr() + ":9000"},
		{"N-XNET", "a network from the default segment", a, f1.addr() + ":9000"},
		{"N-XNET", "an internal network from another", f1, v1.addr() + ":9000"},
		{"N-GW", "a service of the host by the gateway", a, gateway + ":7000"},
		{"N-GW", "a service of the host by a network's gateway", f1, f1.a.Endpoints[0].Gateway.String() + ":7000"},
		{"N-GW", "a service of the host by an internal network's gateway", v1, v1.a.Endpoints[0].Gateway.String() + ":7000"},
		{"N-HOSTIP", "a service of the host by its address", a, hostAddr + ":7000"},
		{"N-HOSTIP", "a service of the host by its address, from a network", f1, hostAddr + ":7000"},
		{"N-META", "the metadata service", a, metadataAddr + ":80"},
		{"N-META", "the metadata service from a network", f1, metadataAddr + ":80"},
	}
	for _, x := range attacks {
		blocked(t, x.id+": "+x.what, x.from.ns, x.to)
	}
	blocked(t, "N-L2IN: an unpublished port from the neighbour", w.neighbour, a.addr()+":9000")
	blocked(t, "N-L2IN: a container on a network from the neighbour", w.neighbour, f1.addr()+":9000")
	blocked(t, "N-PUBLO: a port published on loopback, by the container's address", w.neighbour, lo.addr()+":9000")
	blocked(t, "the resolver from the neighbour", w.neighbour, gateway+":53")
	blocked(t, "outside from an internal network", v1.ns, internetAddr+":80")
	// Even for a container that has made itself a way out, and from outside along a rule that should not be there.
	w.must(link.SetDefaultRoute(v1.ns, "eth0", v1.a.Endpoints[0].Gateway))
	blocked(t, "outside from an internal network by a route of its own", v1.ns, internetAddr+":80")
	oneWay(t, w, m, v1, 8100, false)
	oneWay(t, w, m, f1, 8101, true)

	// What must work does.
	reaches(t, "N-LAN: outside", a.ns, internetAddr+":80")
	if saw := reaches(t, "outside from a network", f1.ns, internetAddr+":80"); saw != hostAddr {
		t.Errorf("outside saw %s instead of the host's address", saw)
	}
	reaches(t, "a peer on the same network", f1.ns, f2.addr()+":9000")
	reaches(t, "a peer on the same internal network", v1.ns, v2.addr()+":9000")
	if saw := reaches(t, "a container from the host", nil, a.addr()+":9000"); saw != gateway {
		t.Errorf("a container saw the host as %s, want its gateway %s", saw, gateway)
	}
	reaches(t, "a container on a network from the host", nil, f1.addr()+":9000")

	unprotect(t, m)
	for _, x := range attacks {
		reaches(t, "twin of "+x.id+": "+x.what, x.from.ns, x.to)
	}
	reaches(t, "twin: outside from an internal network", v1.ns, internetAddr+":80")
	reaches(t, "twin of N-L2IN", w.neighbour, a.addr()+":9000")
	reaches(t, "twin of N-L2IN on a network", w.neighbour, f1.addr()+":9000")
	reaches(t, "twin of N-PUBLO", w.neighbour, lo.addr()+":9000")
}

// oneWay tries datagrams, which need no answer to do their work, out of a container's network and into it along a rule that
// rewrites their destination.
func oneWay(t *testing.T, w *world, m *Manager, b *box, port uint16, passes bool) {
	t.Helper()
	via := b.a.Endpoints[0].Gateway
	out := ethernet(w.gatewayMAC(b, via), b.mac(), 0x0800, datagram(b.ip(), netip.MustParseAddr(internetAddr)))
	if hears(t, w.neighbour, "eth0", carriesWord, func() { raw(t, b.ns, "eth0", out) }) != passes {
		t.Errorf("a datagram out of %s passes: %t", b.a.Endpoints[0].Network, !passes)
	}
	w.must(m.fw.Change(firewall.State{Published: []firewall.Published{
		{HostIP: netip.IPv4Unspecified(), HostPort: port, Proto: 17, IP: b.ip(), Port: 9000}}}, firewall.State{}))
	in := func() {
		inside(t, w.neighbour, func() {
			c, err := net.Dial("udp4", netip.AddrPortFrom(netip.MustParseAddr(hostAddr), port).String())
			w.must(err)
			defer c.Close()
			c.Write([]byte("bailey"))
		})
	}
	if hears(t, b.ns, "eth0", carriesWord, in) != passes {
		t.Errorf("a datagram into %s passes: %t", b.a.Endpoints[0].Network, !passes)
	}
}
