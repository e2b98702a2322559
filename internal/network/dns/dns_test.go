package dns

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var (
	gateway = netip.MustParseAddr("10.90.16.1")
	web     = netip.MustParseAddr("10.90.16.2") // on net a
	db      = netip.MustParseAddr("10.90.16.3") // on net a
	other   = netip.MustParseAddr("10.90.17.2") // on net b
	locked  = netip.MustParseAddr("10.90.18.2") // on an internal network
)

// town is a directory of two networks.
type town struct{}

func (town) Client(a, _ netip.Addr) (Client, bool) {
	return Client{External: a != locked}, slices.Contains([]netip.Addr{web, db, other, locked}, a)
}

func (town) Lookup(client netip.Addr, name string) []netip.Addr {
	if client == web || client == db {
		return map[string][]netip.Addr{"web": {web}, "db": {db}, "all": {web, db}, "db.example.com": {db}}[name]
	}
	return nil
}

func (town) Reverse(client, a netip.Addr) (string, bool) {
	if !netip.MustParsePrefix("10.90.0.0/16").Contains(a) {
		return "", false
	}
	if client == web && a == db {
		return "db", true
	}
	return "", true
}

// upstream is a resolver of the host.
type upstream struct {
	mu    sync.Mutex
	reply func(q *dns.Msg, tcp bool) *dns.Msg
	asked atomic.Int32
	port  uint16
}

func newUpstream(t testing.TB, reply func(q *dns.Msg, tcp bool) *dns.Msg) *upstream {
	t.Helper()
	u := &upstream{reply: reply}
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.port = pc.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	ln, err := net.Listen("tcp4", pc.LocalAddr().String())
	if err != nil {
		t.Skip("port is taken for TCP")
	}
	for _, s := range []*dns.Server{
		{PacketConn: pc, Handler: u.handler(false)}, {Listener: ln, Handler: u.handler(true)}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe()
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	return u
}

func (u *upstream) handler(tcp bool) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		u.asked.Add(1)
		u.mu.Lock()
		m := u.reply(q, tcp)
		u.mu.Unlock()
		if m != nil {
			w.WriteMsg(m)
		}
	}
}

func newServer(t testing.TB, u *upstream, o Options) *Server {
	t.Helper()
	o.ResolvConf = filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(o.ResolvConf, []byte("search example.org\nnameserver 127.0.0.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := New(o, town{})
	s.forward.port = u.port
	t.Cleanup(func() { s.Close() })
	return s
}

// with answers every question with records in zone file form; "@" stands for the question's name.
func with(records ...string) func(q *dns.Msg, tcp bool) *dns.Msg {
	return func(q *dns.Msg, _ bool) *dns.Msg {
		m := new(dns.Msg)
		m.SetReply(q)
		for _, r := range records {
			rr, err := dns.NewRR(strings.ReplaceAll(r, "@", q.Question[0].Name))
			if err != nil {
				panic(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		return m
	}
}

func ask(s *Server, client netip.Addr, name string, qtype uint16) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	c, _ := town{}.Client(client, gateway)
	return s.answer(client, c, q)
}

// data is the answers without their headers.
func data(m *dns.Msg) string {
	var out []string
	for _, rr := range m.Answer {
		out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestAnswers(t *testing.T) {
	u := newUpstream(t, with("@ 60 IN A 192.0.2.80"))
	s := newServer(t, u, Options{})
	for _, c := range []struct {
		client netip.Addr
		name   string
		qtype  uint16
		code   int
		data   string
		asked  int32
	}{
		{web, "db", dns.TypeA, dns.RcodeSuccess, "10.90.16.3", 0},
		{web, "DB", dns.TypeA, dns.RcodeSuccess, "10.90.16.3", 0},
		{web, "all", dns.TypeA, dns.RcodeSuccess, "10.90.16.2 10.90.16.3", 0},
		{web, "db.example.com", dns.TypeA, dns.RcodeSuccess, "10.90.16.3", 0},
		{web, "db", dns.TypeAAAA, dns.RcodeSuccess, "", 0},
		{web, "db", dns.TypeMX, dns.RcodeSuccess, "", 0},
		// A container on another network does not learn that the name exists, and nor does the resolver outside.
		{other, "db", dns.TypeA, dns.RcodeNameError, "", 0},
		{other, "db.example.com", dns.TypeA, dns.RcodeSuccess, "192.0.2.80", 1},
		{web, "3.16.90.10.in-addr.arpa", dns.TypePTR, dns.RcodeSuccess, "db.", 0},
		{other, "3.16.90.10.in-addr.arpa", dns.TypePTR, dns.RcodeNameError, "", 0},
		{web, "9.9.90.10.in-addr.arpa", dns.TypePTR, dns.RcodeNameError, "", 0},
		{web, "www.example.net", dns.TypeA, dns.RcodeSuccess, "192.0.2.80", 1},
		{web, "www.EXAMPLE.net", dns.TypeA, dns.RcodeSuccess, "192.0.2.80", 0}, // from the cache
		{db, "www.example.net", dns.TypeA, dns.RcodeSuccess, "192.0.2.80", 1},  // whose cache nobody shares
		{web, "localhost", dns.TypeA, dns.RcodeSuccess, "127.0.0.1", 0},
		{web, "a.localhost", dns.TypeAAAA, dns.RcodeSuccess, "::1", 0},
		{web, "printer.local", dns.TypeA, dns.RcodeNameError, "", 0},
		{web, "hidden.onion", dns.TypeA, dns.RcodeNameError, "", 0},
		{web, "fileserver", dns.TypeA, dns.RcodeNameError, "", 0},
		{web, "1.0.254.169.in-addr.arpa", dns.TypePTR, dns.RcodeNameError, "", 0},
		{web, strings.Repeat("0.", 29) + "8.e.f.ip6.arpa", dns.TypePTR, dns.RcodeNameError, "", 0},
		{web, "www.example.net", dns.TypeANY, dns.RcodeNotImplemented, "", 0},
		{web, "www.example.net", dns.TypeAXFR, dns.RcodeNotImplemented, "", 0},
		// An internal network has no way out, by DNS neither.
		{locked, "secret.example.net", dns.TypeA, dns.RcodeRefused, "", 0},
		{locked, "localhost", dns.TypeA, dns.RcodeSuccess, "127.0.0.1", 0},
	} {
		before := u.asked.Load()
		m := ask(s, c.client, c.name, c.qtype)
		if m.Rcode != c.code || data(m) != c.data || u.asked.Load()-before != c.asked {
			t.Errorf("%s asks for %s %s: got %s %q, asked outside %d times; want %s %q, %d", c.client, c.name,
				dns.TypeToString[c.qtype], dns.RcodeToString[m.Rcode], data(m), u.asked.Load()-before, dns.RcodeToString[c.code], c.data, c.asked)
		}
	}
}

func TestRebinding(t *testing.T) {
	records := []string{
		"@ 60 IN A 127.0.0.1", "@ 60 IN A 169.254.169.254", "@ 60 IN A 0.0.0.0", "@ 60 IN A 168.63.129.16", "@ 60 IN A 100.100.100.200",
		"@ 60 IN A 224.0.0.251", "@ 60 IN A 10.90.16.3",
		"@ 60 IN AAAA ::1", "@ 60 IN AAAA ::", "@ 60 IN AAAA fe80::1", "@ 60 IN AAAA fd00:ec2::254",
		"@ 60 IN AAAA ::ffff:127.0.0.1", "@ 60 IN AAAA 64:ff9b::a9fe:a9fe", "@ 60 IN AAAA ::7f00:1",
		"@ 60 IN HTTPS 1 . ipv4hint=127.0.0.1", "@ 60 IN SVCB 1 . ipv6hint=fe80::1",
	}
	for _, r := range records {
		u := newUpstream(t, with("@ 60 IN CNAME x.example.", r, "@ 60 IN A 10.1.2.3"))
		if got := data(ask(newServer(t, u, Options{}), web, "evil.example", dns.TypeA)); got != "10.1.2.3 x.example." {
			t.Errorf("%s: got %q", r, got)
		}
		if got := ask(newServer(t, u, Options{AllowRebinding: true}), web, "evil.example", dns.TypeA); len(got.Answer) != 3 {
			t.Errorf("twin: %s was dropped although allowed: %v", r, got.Answer)
		}
	}
}

func TestForwardingHidesTheClient(t *testing.T) {
	queries := make(chan *dns.Msg, 1)
	u := newUpstream(t, func(q *dns.Msg, tcp bool) *dns.Msg {
		queries <- q.Copy()
		return with("@ 60 IN A 192.0.2.80")(q, tcp)
	})
	s := newServer(t, u, Options{})
	q := new(dns.Msg)
	q.SetQuestion("www.example.net.", dns.TypeA)
	q.Id = 4711
	q.SetEdns0(4096, true)
	q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "24a5ac1122334455"})
	m := s.answer(web, Client{External: true}, q)
	if data(m) != "192.0.2.80" || m.Id != 4711 {
		t.Fatal(m)
	}
	seen := <-queries
	opt := seen.IsEdns0()
	if seen.Id == 4711 || len(opt.Option) != 0 || !opt.Do() {
		t.Errorf("the resolver outside saw %v", seen)
	}
}

func TestUpstreamTrouble(t *testing.T) {
	long := func(q *dns.Msg, tcp bool) *dns.Msg {
		if tcp {
			return with("@ 60 IN A 192.0.2.80")(q, tcp)
		}
		m := with()(q, tcp)
		m.Truncated = true
		return m
	}
	for _, c := range []struct {
		name  string
		reply func(q *dns.Msg, tcp bool) *dns.Msg
		code  int
		data  string
	}{
		{"does not fit a datagram", long, dns.RcodeSuccess, "192.0.2.80"},
		{"another id", func(q *dns.Msg, tcp bool) *dns.Msg { m := with("@ 60 IN A 192.0.2.66")(q, tcp); m.Id++; return m }, dns.RcodeServerFailure, ""},
		{"another question", func(q *dns.Msg, tcp bool) *dns.Msg {
			m := with("@ 60 IN A 192.0.2.66")(q, tcp)
			m.Question[0].Name = "bank.example."
			return m
		}, dns.RcodeServerFailure, ""},
		{"refuses", func(q *dns.Msg, tcp bool) *dns.Msg { m := with()(q, tcp); m.Rcode = dns.RcodeRefused; return m }, dns.RcodeServerFailure, ""},
		{"no such name", func(q *dns.Msg, tcp bool) *dns.Msg { m := with()(q, tcp); m.Rcode = dns.RcodeNameError; return m }, dns.RcodeNameError, ""},
	} {
		s := newServer(t, newUpstream(t, c.reply), Options{})
		if m := ask(s, web, "www.example.net", dns.TypeA); m.Rcode != c.code || data(m) != c.data {
			t.Errorf("%s: got %s %q", c.name, dns.RcodeToString[m.Rcode], data(m))
		}
	}
}

func TestCacheHonoursTTL(t *testing.T) {
	u := newUpstream(t, with("@ 60 IN A 192.0.2.80"))
	s := newServer(t, u, Options{})
	now := time.Now()
	s.cache.now = func() time.Time { return now }
	ask(s, web, "www.example.net", dns.TypeA)
	now = now.Add(40 * time.Second)
	if m := ask(s, web, "www.example.net", dns.TypeA); u.asked.Load() != 1 || m.Answer[0].Header().Ttl != 20 {
		t.Errorf("asked %d times, %v", u.asked.Load(), m.Answer)
	}
	now = now.Add(20 * time.Second)
	if ask(s, web, "www.example.net", dns.TypeA); u.asked.Load() != 2 {
		t.Error("an answer outlived its time")
	}
	s.Forget(web)
	if ask(s, web, "www.example.net", dns.TypeA); u.asked.Load() != 3 {
		t.Error("an answer outlived its container")
	}
	for i := range 2 * maxCached {
		ask(s, web, fmt.Sprintf("n%d.example.net", i), dns.TypeA)
	}
	if n := len(s.cache.by[web]); n > maxCached {
		t.Errorf("%d answers are kept for one container", n)
	}
}

func TestLimiter(t *testing.T) {
	l := limiter{total: 5, each: 3}
	for i, want := range []bool{true, true, true, false} {
		if l.enter(web) != want {
			t.Fatal(i)
		}
	}
	for i, want := range []bool{true, true, false} {
		if l.enter(db) != want {
			t.Errorf("the total does not hold at %d", i)
		}
	}
	for range 3 {
		l.leave(web)
	}
	if !l.enter(other) {
		t.Error("what ended still counts")
	}
	if l.leave(other); len(l.by) != 1 {
		t.Errorf("clients without queries are kept: %v", l.by)
	}
}

func TestParseResolvConf(t *testing.T) {
	c := parseResolvConf([]byte("# c\nnameserver 10.0.0.1\nnameserver  ::1 # x\nnameserver nonsense\nnameserver 10.0.0.1\n" +
		"nameserver 10.0.0.2\nnameserver 10.0.0.3\ndomain old.example\nsearch a.example b.example. bad;domain\noptions ndots:5\n"))
	if fmt.Sprint(c.servers) != "[10.0.0.1 ::1 10.0.0.2]" || fmt.Sprint(c.search) != "[a.example b.example]" {
		t.Errorf("%v", c)
	}
}

func TestResolvConfReloads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	r := resolvConf{path: path}
	if c := r.read(); c.servers != nil {
		t.Fatal(c)
	}
	if err := os.WriteFile(path, []byte("nameserver 10.0.0.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.checked = time.Time{}
	if c := r.read(); len(c.servers) != 1 {
		t.Error(c)
	}
	os.Remove(path)
	r.checked = time.Time{}
	if c := r.read(); len(c.servers) != 1 {
		t.Error("forgot the resolvers while the file was being replaced")
	}
}

func FuzzQuery(f *testing.F) {
	for _, name := range []string{"db.", "www.example.net.", "3.16.90.10.in-addr.arpa.", strings.Repeat("0.", 32) + "ip6.arpa.", "."} {
		q := new(dns.Msg)
		q.SetQuestion(name, dns.TypeA)
		q.SetEdns0(4096, true)
		b, _ := q.Pack()
		f.Add(b)
	}
	f.Add([]byte("\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"))
	s := New(Options{ResolvConf: os.DevNull}, town{})
	f.Fuzz(func(t *testing.T, b []byte) {
		q, m := parse(b)
		size := maxUDPQuery
		if q != nil {
			size = udpSize(q)
			m = s.answer(web, Client{External: true}, q)
		}
		out := pack(m, size)
		if m != nil && (out == nil || len(out) > size) {
			t.Fatalf("answer of %d bytes for a client that takes %d", len(out), size)
		}
		if out != nil {
			if err := new(dns.Msg).Unpack(out); err != nil {
				t.Fatalf("answer cannot be read: %v", err)
			}
		}
	})
}

func FuzzResolvConf(f *testing.F) {
	f.Add([]byte("nameserver 10.0.0.1\nsearch a.example\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := parseResolvConf(b)
		if len(c.servers) > maxServers || len(c.search) > maxSearch {
			t.Fatal(c)
		}
		for _, d := range c.search {
			if strings.ContainsAny(d, " \t\r\n#;") {
				t.Fatalf("%q", d)
			}
		}
	})
}

func FuzzUpstreamAnswer(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion("www.example.net.", dns.TypeA)
	m = with("@ 60 IN A 127.0.0.1", "@ 60 IN HTTPS 1 . ipv4hint=127.0.0.1")(m, false)
	b, _ := m.Pack()
	f.Add(b)
	s := New(Options{ResolvConf: os.DevNull}, town{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := new(dns.Msg)
		if r.Unpack(b) != nil {
			return
		}
		r.Answer = slices.DeleteFunc(r.Answer, s.pointsInside)
		reply := new(dns.Msg)
		reply.SetQuestion("www.example.net.", dns.TypeA)
		newEntry(r).into(reply)
		for _, rr := range reply.Answer {
			if a, ok := rr.(*dns.A); ok && a.A.IsLoopback() {
				t.Fatal(rr)
			}
		}
		pack(reply, dns.MinMsgSize)
	})
}
