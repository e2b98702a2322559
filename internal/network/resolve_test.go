package network

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/moby/moby/api/types/network"
)

// query asks a resolver from a network namespace.
func query(t testing.TB, ns *os.File, netw, server, name string, qtype uint16, limit time.Duration) (answer string, err error) {
	t.Helper()
	inside(t, ns, func() {
		q := new(dns.Msg)
		q.SetQuestion(dns.Fqdn(name), qtype)
		var r *dns.Msg
		if r, _, err = (&dns.Client{Net: netw, Timeout: limit}).Exchange(q, net.JoinHostPort(server, "53")); err != nil {
			return
		}
		words := []string{dns.RcodeToString[r.Rcode]}
		for _, rr := range r.Answer {
			words = append(words, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
		answer = strings.Join(words, " ")
	})
	return answer, err
}

// The resolver as containers see it, over both transports.
func TestResolver(t *testing.T) {
	w := newWorld(t)
	pc, err := net.ListenPacket("udp4", "127.0.0.1:53")
	w.must(err)
	outside := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(rw dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		rr, _ := dns.NewRR(q.Question[0].Name + " 60 IN A 192.0.2.80")
		m.Answer = append(m.Answer, rr)
		rw.WriteMsg(m)
	})}
	go outside.ActivateAndServe()
	t.Cleanup(func() { outside.Shutdown() })
	conf := w.resolvConf("nameserver 127.0.0.1\nsearch corp.example\n")
	m := w.open(Options{ResolvConf: conf})
	if s := m.Search(); len(s) != 1 || s[0] != "corp.example" {
		t.Errorf("search domains: %v", s)
	}
	w.create(m, "front", network.CreateRequest{})
	w.create(m, "back", network.CreateRequest{})
	w.create(m, "vault", network.CreateRequest{Internal: true})
	front := on("front", "vault")
	front.Networks[0].Aliases = []string{"www"}
	front.Hostname = "box"
	web := w.run(m, "web", front)
	linking := on("front")
	linking.Networks[0].Links = []string{"web:Store", strings.Repeat("ab", 32), "nobody:nowhere"}
	linker := w.run(m, "linker", linking)
	peer, stranger := w.run(m, "peer", on("front")), w.run(m, "stranger", on("back"))
	lone, locked := w.run(m, "lone", WireRequest{}), w.run(m, "locked", on("vault"))
	webIP := web.addr()
	reverse, err := dns.ReverseAddr(webIP)
	w.must(err)
	for _, c := range []struct {
		from *box
		name string
		kind uint16
		want string
	}{
		{peer, "web", dns.TypeA, "NOERROR " + webIP},
		{peer, "WWW", dns.TypeA, "NOERROR " + webIP},
		{peer, "box", dns.TypeA, "NOERROR " + webIP},
		{peer, web.id[:12], dns.TypeA, "NOERROR " + webIP},
		{peer, reverse, dns.TypePTR, "NOERROR web."},
		{peer, "example.net", dns.TypeA, "NOERROR 192.0.2.80"},
		{linker, "store", dns.TypeA, "NOERROR " + webIP},
		{linker, "nowhere", dns.TypeA, "NXDOMAIN"},
		{peer, "store", dns.TypeA, "NXDOMAIN"},
		{stranger, "web", dns.TypeA, "NXDOMAIN"},
		{stranger, reverse, dns.TypePTR, "NXDOMAIN"},
		{stranger, "example.net", dns.TypeA, "NOERROR 192.0.2.80"},
		{lone, "web", dns.TypeA, "NXDOMAIN"},
		{lone, "example.net", dns.TypeA, "NOERROR 192.0.2.80"},
		{locked, "web", dns.TypeA, "NOERROR " + web.a.Endpoints[1].IP.Addr().String()},
		{locked, "secret.example.net", dns.TypeA, "REFUSED"},
	} {
		for _, netw := range []string{"udp", "tcp"} {
			got, err := query(t, c.from.ns, netw, c.from.a.DNS.String(), c.name, c.kind, confidence)
			if err != nil || got != c.want {
				t.Errorf("%s asks for %s over %s: %q %v, want %q", c.from.a.Name, c.name, netw, got, err, c.want)
			}
		}
	}
	// Nobody else is served, and the gateways answer nothing else.
	for _, gw := range []string{lone.a.DNS.String(), peer.a.Endpoints[0].Gateway.String()} {
		if got, err := query(t, w.neighbour, "udp", gw, "example.net", dns.TypeA, patience); err == nil {
			t.Errorf("the neighbour was served: %s", got)
		}
		if got, err := query(t, nil, "udp", gw, "example.net", dns.TypeA, patience); err == nil {
			t.Errorf("the host was served: %s", got)
		}
	}
	w.must(m.Rename(t.Context(), web.id, "site"))
	w.must(m.Rename(t.Context(), "unknown", "x"))
	if got, _ := query(t, peer.ns, "udp", peer.a.DNS.String(), "site", dns.TypeA, confidence); got != "NOERROR "+webIP {
		t.Errorf("after a renaming: %s", got)
	}
	w.must(m.Release(t.Context(), web.id))
	for _, name := range []string{"web", "site", "www"} {
		if got, _ := query(t, peer.ns, "udp", peer.a.DNS.String(), name, dns.TypeA, confidence); got != "NXDOMAIN" {
			t.Errorf("%s resolves after its container is gone: %s", name, got)
		}
	}
}

// A resolver of the host that has port 53 of every address does not stop Bailey's, and containers do not reach it.
func TestResolverBesideAnother(t *testing.T) {
	w := newWorld(t)
	answer := func(rw dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetRcode(q, dns.RcodeNotAuth) // what nobody else here says
		rw.WriteMsg(m)
	}
	pc, err := net.ListenPacket("udp4", "0.0.0.0:53")
	w.must(err)
	ln, err := net.Listen("tcp4", "0.0.0.0:53")
	w.must(err)
	for _, s := range []*dns.Server{{PacketConn: pc}, {Listener: ln}} {
		s.Handler = dns.HandlerFunc(answer)
		go s.ActivateAndServe()
		t.Cleanup(func() { s.Shutdown() })
	}
	m := w.open(Options{})
	w.create(m, "front", network.CreateRequest{})
	a, b, lone := w.run(m, "a", on("front")), w.run(m, "b", on("front")), w.run(m, "lone", WireRequest{})
	for _, netw := range []string{"udp", "tcp"} {
		for _, gw := range []string{a.a.DNS.String(), a.a.Endpoints[0].Gateway.String()} {
			if got, err := query(t, a.ns, netw, gw, "b", dns.TypeA, confidence); got != "NOERROR "+b.addr() {
				t.Errorf("%s to %s: %q %v", netw, gw, got, err)
			}
		}
		if got, err := query(t, lone.ns, netw, lone.a.DNS.String(), "b", dns.TypeA, confidence); got != "NXDOMAIN" {
			t.Errorf("%s on the default segment: %q %v", netw, got, err)
		}
		if got, err := query(t, a.ns, netw, hostAddr, "b", dns.TypeA, patience); err == nil {
			t.Errorf("%s: the host's own resolver answered: %s", netw, got)
		}
	}
	port := fmt.Sprint(m.nets[builtinID(m.o.Node, Bridge)].dnsPort)
	blocked(t, "the resolver's own port from the neighbour", w.neighbour, a.a.DNS.String()+":"+port)
	if _, err := m.Remove(t.Context(), "nowhere"); err == nil {
		t.Error("removed what is not there")
	}
	w.must(m.Release(t.Context(), a.id))
	w.must(m.Release(t.Context(), b.id))
	if _, err := m.Remove(t.Context(), "front"); err != nil {
		t.Error(err)
	}
}

// A daemon that comes later listens on another port; flows that still lead to the old one do not keep a client from it.
func TestResolverMoves(t *testing.T) {
	w := newWorld(t)
	other, err := net.ListenPacket("udp4", "0.0.0.0:53")
	w.must(err)
	defer other.Close()
	o := w.options(Options{})
	m, err := Open(t.Context(), o)
	w.must(err)
	w.must(m.Adopt(t.Context(), nil))
	b := w.run(m, "b", WireRequest{})
	ask := func() (code int, err error) {
		inside(t, b.ns, func() {
			q := new(dns.Msg)
			q.SetQuestion("b.", dns.TypeA)
			c := dns.Client{Timeout: confidence, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{Port: 5353}}}
			var r *dns.Msg
			if r, _, err = c.Exchange(q, b.a.DNS.String()+":53"); err == nil {
				code = r.Rcode
			}
		})
		return code, err
	}
	if code, err := ask(); err != nil || code != dns.RcodeNameError {
		t.Fatal(code, err)
	}
	m.Close()
	m, err = Open(t.Context(), o)
	w.must(err)
	t.Cleanup(func() { m.Destroy(context.Background()); m.Close() })
	w.must(m.Adopt(t.Context(), []Attachment{b.a}))
	if code, err := ask(); err != nil || code != dns.RcodeNameError {
		t.Errorf("from the same port after a restart: %d %v", code, err)
	}
}

// A flood of one container's queries, for names that nobody answers, does not stop another's.
func TestResolverUnderFlood(t *testing.T) {
	for _, at := range []string{"127.0.0.1:53", "0.0.0.0:53"} {
		t.Run(at, func(t *testing.T) { flood(t, at) })
	}
}

func flood(t *testing.T, stuckAt string) {
	w := newWorld(t)
	stuck, err := net.ListenPacket("udp4", stuckAt) // answers nothing
	w.must(err)
	defer stuck.Close()
	conf := w.resolvConf("nameserver 127.0.0.1\n")
	m := w.open(Options{ResolvConf: conf})
	w.create(m, "front", network.CreateRequest{})
	evil, a, b := w.run(m, "evil", on("front")), w.run(m, "a", on("front")), w.run(m, "b", on("front"))
	var c net.Conn
	inside(t, evil.ns, func() { c, err = net.Dial("udp4", evil.a.DNS.String()+":53") })
	w.must(err)
	defer c.Close()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		q := new(dns.Msg)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			q.SetQuestion(dns.Fqdn(randomHex(4)+".example.net"), dns.TypeA)
			msg, _ := q.Pack()
			c.Write(msg)
		}
	}()
	for range 20 {
		if got, err := query(t, a.ns, "udp", a.a.DNS.String(), "b", dns.TypeA, confidence); got != "NOERROR "+b.addr() {
			t.Errorf("while another floods: %q %v", got, err)
			break
		}
	}
	close(stop)
	<-stopped
}

func TestLookupOfClientsOnSeveralNetworks(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{})
	w.create(m, "n1", network.CreateRequest{})
	w.create(m, "n2", network.CreateRequest{})
	both := w.run(m, "both", on("n1", "n2"))
	one, two := w.run(m, "same", on("n1")), w.run(m, "same", on("n2"))
	for _, c := range []struct {
		from *box
		want string
	}{{both, one.addr() + " " + two.addr()}, {one, one.addr()}, {two, two.addr()}} {
		got, err := query(t, c.from.ns, "udp", c.from.a.DNS.String(), "same", dns.TypeA, confidence)
		if err != nil || got != "NOERROR "+c.want {
			t.Errorf("%s: %q %v, want %s", c.from.a.Name, got, err, c.want)
		}
	}
}
