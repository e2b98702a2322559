package network

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/network/link"
	"github.com/bailey-run/bailey/internal/network/nettest"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/vishvananda/netlink"
)

func ptr[T any](v T) *T { return &v }

func ipam(c network.IPAMConfig) *network.IPAM { return &network.IPAM{Config: []network.IPAMConfig{c}} }

var (
	subnet = netip.MustParsePrefix
	ipaddr = netip.MustParseAddr
)

// What Bailey cannot give is refused and never ignored.
func TestRequestsThatAreRefused(t *testing.T) {
	m := &Manager{names: names{"1a2b"}, mtu: 1500}
	long := strings.Repeat("x", 5000)
	for what, c := range map[string]struct {
		r    network.CreateRequest
		kind error
	}{
		"no name":             {network.CreateRequest{}, errdefs.ErrInvalidArgument},
		"a path as a name":    {network.CreateRequest{Name: "../x"}, errdefs.ErrInvalidArgument},
		"a control character": {network.CreateRequest{Name: "a\x1b[2J"}, errdefs.ErrInvalidArgument},
		"a long name":         {network.CreateRequest{Name: long}, errdefs.ErrInvalidArgument},
		"predefined":          {network.CreateRequest{Name: "host"}, errdefs.ErrPermissionDenied},
		"default":             {network.CreateRequest{Name: "default"}, errdefs.ErrPermissionDenied},
		"another driver":      {network.CreateRequest{Name: "a", Driver: "macvlan"}, errdefs.ErrNotImplemented},
		"a cluster's scope":   {network.CreateRequest{Name: "a", Scope: "swarm"}, errdefs.ErrNotImplemented},
		"IPv6":                {network.CreateRequest{Name: "a", EnableIPv6: ptr(true)}, errdefs.ErrNotImplemented},
		"no IPv4":             {network.CreateRequest{Name: "a", EnableIPv4: ptr(false)}, errdefs.ErrNotImplemented},
		"ingress":             {network.CreateRequest{Name: "a", Ingress: true}, errdefs.ErrNotImplemented},
		"configuration only":  {network.CreateRequest{Name: "a", ConfigOnly: true}, errdefs.ErrNotImplemented},
		"an interface name":   {network.CreateRequest{Name: "a", Options: map[string]string{"com.docker.network.bridge.name": "eth0"}}, errdefs.ErrNotImplemented},
		"no masquerading":     {network.CreateRequest{Name: "a", Options: map[string]string{"com.docker.network.bridge.enable_ip_masquerade": "false"}}, errdefs.ErrNotImplemented},
		"public by default":   {network.CreateRequest{Name: "a", Options: map[string]string{"com.docker.network.bridge.host_binding_ipv4": "0.0.0.0"}}, errdefs.ErrNotImplemented},
		"an unknown option":   {network.CreateRequest{Name: "a", Options: map[string]string{"x": "y"}}, errdefs.ErrNotImplemented},
		"a tiny MTU":          {network.CreateRequest{Name: "a", Options: map[string]string{"com.docker.network.driver.mtu": "68"}}, errdefs.ErrNotImplemented},
		"a long label":        {network.CreateRequest{Name: "a", Labels: map[string]string{"k": long}}, errdefs.ErrInvalidArgument},
		"an IPv6 subnet":      {network.CreateRequest{Name: "a", IPAM: ipam(network.IPAMConfig{Subnet: subnet("fd00::/64")})}, errdefs.ErrInvalidArgument},
		"a public subnet":     {network.CreateRequest{Name: "a", IPAM: ipam(network.IPAMConfig{Subnet: subnet("8.8.8.0/24")})}, errdefs.ErrInvalidArgument},
		"host bits":           {network.CreateRequest{Name: "a", IPAM: ipam(network.IPAMConfig{Subnet: subnet("10.1.2.3/24")})}, errdefs.ErrInvalidArgument},
		"everything":          {network.CreateRequest{Name: "a", IPAM: ipam(network.IPAMConfig{Subnet: subnet("0.0.0.0/0")})}, errdefs.ErrInvalidArgument},
		"a gateway elsewhere": {network.CreateRequest{Name: "a", IPAM: ipam(network.IPAMConfig{Subnet: subnet("10.1.2.0/24"), Gateway: ipaddr("10.1.3.1")})}, errdefs.ErrInvalidArgument},
		"a range elsewhere":   {network.CreateRequest{Name: "a", IPAM: ipam(network.IPAMConfig{Subnet: subnet("10.1.2.0/24"), IPRange: subnet("10.1.0.0/16")})}, errdefs.ErrInvalidArgument},
		"only a gateway":      {network.CreateRequest{Name: "a", IPAM: ipam(network.IPAMConfig{Gateway: ipaddr("10.1.3.1")})}, errdefs.ErrInvalidArgument},
		"reserved twice": {network.CreateRequest{Name: "a", IPAM: ipam(network.IPAMConfig{Subnet: subnet("10.1.2.0/24"),
			AuxAddress: map[string]netip.Addr{"a": ipaddr("10.1.2.1")}})}, errdefs.ErrInvalidArgument},
		"two subnets":  {network.CreateRequest{Name: "a", IPAM: &network.IPAM{Config: make([]network.IPAMConfig, 2)}}, errdefs.ErrNotImplemented},
		"another IPAM": {network.CreateRequest{Name: "a", IPAM: &network.IPAM{Driver: "dhcp"}}, errdefs.ErrNotImplemented},
	} {
		if _, err := m.parse(c.r); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", what, err)
		} else if len(err.Error()) > 1000 || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: the message repeats what it was given: %q", what, err)
		}
	}
	n, err := m.parse(network.CreateRequest{Name: "a", Driver: "bridge", Internal: true, Options: map[string]string{
		"com.docker.network.driver.mtu": "1400", "com.docker.network.bridge.enable_icc": "false"},
		IPAM: ipam(network.IPAMConfig{Subnet: subnet("10.1.2.0/24"), IPRange: subnet("10.1.2.128/25"), Gateway: ipaddr("10.1.2.9")})})
	if err != nil || n.MTU != 1400 || !n.Isolated || !n.Internal || n.Gateway != ipaddr("10.1.2.9") || n.Range != subnet("10.1.2.128/25") {
		t.Errorf("%+v %v", n, err)
	}
}

func TestNetworks(t *testing.T) {
	w := newWorld(t)
	o := w.options(Options{})
	m, err := Open(t.Context(), o)
	w.must(err)
	w.must(m.Adopt(t.Context(), nil))
	front := w.create(m, "front", network.CreateRequest{Labels: map[string]string{"tier": "web"}})
	fixed := w.create(m, "fixed", network.CreateRequest{IPAM: ipam(network.IPAMConfig{Subnet: subnet("172.30.5.0/24"),
		IPRange: subnet("172.30.5.128/30"), Gateway: ipaddr("172.30.5.9"), AuxAddress: map[string]netip.Addr{"printer": ipaddr("172.30.5.129")}})})
	for what, r := range map[string]network.CreateRequest{
		"a name twice":                  {Name: "front"},
		"the subnet of another network": {Name: "x", IPAM: ipam(network.IPAMConfig{Subnet: subnet("172.30.0.0/16")})},
		"the subnet of the uplink":      {Name: "x", IPAM: ipam(network.IPAMConfig{Subnet: subnet("10.90.0.0/24")})},
	} {
		if _, err := m.Create(t.Context(), r); !errors.Is(err, errdefs.ErrFailedPrecondition) {
			t.Errorf("%s: %v", what, err)
		}
	}
	var got []string
	list, err := m.List(t.Context(), Filter{})
	w.must(err)
	for _, n := range list {
		got = append(got, n.Name+":"+n.Driver)
	}
	if !slices.Equal(got, []string{"bridge:bridge", "fixed:bridge", "front:bridge", "host:host", "none:null"}) {
		t.Errorf("networks: %v", got)
	}
	// Range, reserved address, fixed address, hardware address.
	a := w.run(m, "a", on("fixed"))
	r := on("fixed")
	r.Networks[0].IP, r.Networks[0].MAC = ipaddr("172.30.5.77"), "02:00:00:00:00:07"
	b := w.run(m, "b", r)
	if a.a.Endpoints[0].IP != subnet("172.30.5.128/24") || b.a.Endpoints[0].IP != subnet("172.30.5.77/24") || b.a.Endpoints[0].MAC != "02:00:00:00:00:07" {
		t.Errorf("%+v %+v", a.a.Endpoints, b.a.Endpoints)
	}
	serve(t, b.ns, "0.0.0.0:9000")
	reaches(t, "a container with addresses that were asked for", a.ns, "172.30.5.77:9000")
	in, err := m.Inspect(t.Context(), fixed[:8])
	w.must(err)
	if len(in.Containers) != 2 || in.Containers[b.id].IPv4Address != subnet("172.30.5.77/24") || in.IPAM.Config[0].Gateway != ipaddr("172.30.5.9") {
		t.Errorf("%+v", in)
	}
	for what, want := range map[string]Want{
		"an address in use":           {Network: "fixed", IP: ipaddr("172.30.5.77")},
		"an address elsewhere":        {Network: "fixed", IP: ipaddr("172.30.6.1")},
		"the gateway's address":       {Network: "fixed", IP: ipaddr("172.30.5.9")},
		"a hardware address in use":   {Network: "fixed", MAC: "02:00:00:00:00:07"},
		"a multicast address":         {Network: "fixed", MAC: "01:00:00:00:00:07"},
		"an unknown network":          {Network: "nowhere"},
		"the host's network":          {Network: Host},
		"a bad alias":                 {Network: "fixed", Aliases: []string{"a b"}},
		"an alias on the default one": {Network: Bridge, Aliases: []string{"a"}},
	} {
		ns := nettest.NewNS(t)
		seg, err := m.Prewire(t.Context(), ns)
		w.must(err)
		if _, err := m.Wire(t.Context(), WireRequest{ContainerID: randomHex(32), NetNS: ns, Networks: []Want{want}, Segment: &seg}); err == nil {
			t.Errorf("%s was given", what)
		}
		if links, _ := link.Interfaces(seg.HostIf); len(links) != 0 {
			t.Errorf("%s: the prewired link is left", what)
		}
	}
	var busy *InUseError
	if _, err := m.Remove(t.Context(), "fixed"); !errors.As(err, &busy) {
		t.Errorf("removed while in use: %v", err)
	}
	for _, name := range []string{Bridge, None, Host, "default"} {
		if _, err := m.Remove(t.Context(), name); !errors.Is(err, errdefs.ErrPermissionDenied) {
			t.Errorf("remove %s: %v", name, err)
		}
	}
	var missing *NotFoundError
	if _, err := m.Remove(t.Context(), "nowhere"); !errors.As(err, &missing) {
		t.Errorf("removed what is not there: %v", err)
	}
	// Everything is there again after a restart.
	before := listing(t)
	m.Close()
	if m, err = Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	w.must(m.Adopt(t.Context(), []Attachment{a.a, b.a}))
	t.Cleanup(func() { m.Destroy(context.Background()); m.Close() })
	if d := difference(before, listing(t)); d != "" {
		t.Errorf("a restart changed\n%s", d)
	}
	if pruned, err := m.Prune(t.Context(), Filter{Labels: []string{"tier=db"}}); err != nil || len(pruned) != 0 {
		t.Errorf("pruned %v %v", pruned, err)
	}
	if pruned, err := m.Prune(t.Context(), Filter{}); err != nil || !slices.Equal(pruned, []string{"front"}) {
		t.Errorf("pruned %v %v", pruned, err)
	}
	if _, err := m.Inspect(t.Context(), front); !errors.As(err, &missing) {
		t.Errorf("inspect what was pruned: %v", err)
	}
}

// A creation or removal that a crash cut short is finished, or undone, at the next start.
func TestHalfDone(t *testing.T) {
	w := newWorld(t)
	o := w.options(Options{})
	m, err := Open(t.Context(), o)
	w.must(err)
	w.must(m.Adopt(t.Context(), nil))
	w.create(m, "front", network.CreateRequest{})
	s, err := m.find("front")
	w.must(err)
	w.must(m.conn.Delete(s.Bridge)) // as if it had not been made yet
	stray := m.names.newBridge()
	_, err = m.conn.AddBridge(link.BridgeSpec{Name: stray, IP: subnet("10.200.0.1/24"), MAC: []byte{2, 0, 0, 0, 0, 1}, MTU: 1500})
	w.must(err)
	m.Close()
	m, err = Open(t.Context(), o)
	w.must(err)
	t.Cleanup(func() { m.Destroy(context.Background()); m.Close() })
	w.must(m.Adopt(t.Context(), nil))
	links, err := link.Interfaces(m.names.prefix() + "b")
	w.must(err)
	if len(links) != 1 || links[0].Name != s.Bridge {
		t.Errorf("bridges: %v, want %s only", links, s.Bridge)
	}
}

func TestFilter(t *testing.T) {
	n := network.Network{Name: "front", ID: "abcdef", Driver: "bridge", Scope: "local", Labels: map[string]string{"a": "1"}, Created: now()}
	for what, c := range map[string]struct {
		f    Filter
		want bool
	}{
		"nothing":      {Filter{}, true},
		"name":         {Filter{Names: []string{"x", "fro"}}, true},
		"other name":   {Filter{Names: []string{"x"}}, false},
		"id":           {Filter{IDs: []string{"abc"}}, true},
		"type":         {Filter{Types: []string{"builtin"}}, false},
		"label":        {Filter{Labels: []string{"a", "a=1"}}, true},
		"other label":  {Filter{Labels: []string{"a", "a=2"}}, false},
		"not label":    {Filter{NotLabels: []string{"a"}}, false},
		"dangling":     {Filter{Dangling: ptr(true)}, true},
		"not dangling": {Filter{Dangling: ptr(false)}, false},
		"until":        {Filter{Until: n.Created.Add(-1)}, false},
		"scope":        {Filter{Scopes: []string{"swarm"}}, false},
		"driver":       {Filter{Drivers: []string{"bridge"}}, true},
	} {
		if got := c.f.matches(n, false, 0); got != c.want {
			t.Errorf("%s: %t", what, got)
		}
	}
}

func TestConnectAndDisconnect(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{})
	w.create(m, "front", network.CreateRequest{})
	w.create(m, "back", network.CreateRequest{})
	w.create(m, "vault", network.CreateRequest{Internal: true})
	serve(t, w.neighbour, "0.0.0.0:80")
	db := w.run(m, "db", on("back"))
	serve(t, db.ns, "0.0.0.0:9000")
	b := w.run(m, "b", on("front"))
	blocked(t, "a network that it is not on", b.ns, db.addr()+":9000")
	connect := func(name string, priority int) Attachment {
		t.Helper()
		a, err := m.Connect(t.Context(), ConnectRequest{ContainerID: b.id, NetNS: b.ns, Want: Want{Network: name, Priority: priority}})
		w.must(err)
		return a
	}
	if a := connect("back", 0); len(a.Endpoints) != 2 || a.Endpoints[1].IfName != "eth1" || !a.Endpoints[1].DefaultRoute || a.Endpoints[0].DefaultRoute {
		t.Errorf("connected: %+v", a.Endpoints)
	}
	reaches(t, "a network that it was connected to", b.ns, db.addr()+":9000")
	reaches(t, "outside over the new default route", b.ns, internetAddr+":80")
	if _, err := m.Connect(t.Context(), ConnectRequest{ContainerID: b.id, NetNS: b.ns, Want: Want{Network: "back"}}); err == nil {
		t.Error("connected twice")
	}
	connect("vault", 5)
	reaches(t, "outside, for what is on an internal network too", b.ns, internetAddr+":80")
	disconnect := func(name string) Attachment {
		t.Helper()
		a, err := m.Disconnect(t.Context(), DisconnectRequest{ContainerID: b.id, NetNS: b.ns, Network: name})
		w.must(err)
		return a
	}
	disconnect("back")
	blocked(t, "a network that it was disconnected from", b.ns, db.addr()+":9000")
	reaches(t, "outside over the default route that is left", b.ns, internetAddr+":80")
	if a := connect(Bridge, 9); a.Endpoints[2].IfName != "eth1" || !a.Endpoints[2].DefaultRoute {
		t.Errorf("connected to the default segment: %+v", a.Endpoints)
	}
	reaches(t, "outside over the default segment", b.ns, internetAddr+":80")
	disconnect("front")
	disconnect(Bridge)
	blocked(t, "outside with an internal network only", b.ns, internetAddr+":80")
	if a := disconnect("vault"); len(a.Endpoints) != 0 {
		t.Errorf("left: %+v", a.Endpoints)
	}
	if _, err := m.Disconnect(t.Context(), DisconnectRequest{ContainerID: b.id, NetNS: b.ns, Network: "vault"}); err == nil {
		t.Error("disconnected twice")
	}
	pub := on("front")
	pub.Ports = []Port{{ContainerPort: 80}}
	p := w.run(m, "p", pub)
	if _, err := m.Disconnect(t.Context(), DisconnectRequest{ContainerID: p.id, NetNS: p.ns, Network: "front"}); !errors.Is(err, errdefs.ErrFailedPrecondition) {
		t.Errorf("published ports were cut off: %v", err)
	}
	none := w.run(m, "none", on(None))
	if _, err := m.Connect(t.Context(), ConnectRequest{ContainerID: none.id, NetNS: none.ns, Want: Want{Network: "front"}}); err == nil {
		t.Error("a container without a network got one")
	}
}

// A container without a network has loopback and nothing else, even where a link was prewired.
func TestNone(t *testing.T) {
	w := newWorld(t)
	m := w.open(Options{})
	ns := nettest.NewNS(t)
	seg, err := m.Prewire(t.Context(), ns)
	w.must(err)
	r := on(None)
	r.Segment = &seg
	r.ContainerID, r.NetNS = randomHex(32), ns
	a, err := m.Wire(t.Context(), r)
	w.must(err)
	if len(a.Endpoints) != 0 || a.DNS.IsValid() {
		t.Errorf("%+v", a)
	}
	nettest.In(t, ns, func() {
		links, err := netlink.LinkList()
		w.must(err)
		for _, l := range links {
			if up := l.Attrs().OperState == netlink.OperUp || l.Attrs().Flags&1 != 0; l.Attrs().Name == "lo" != up {
				t.Errorf("%s up: %t", l.Attrs().Name, up)
			}
			if strings.HasPrefix(l.Attrs().Name, "eth") {
				t.Errorf("%s is left", l.Attrs().Name)
			}
		}
	})
	in, err := m.Inspect(t.Context(), None)
	w.must(err)
	if len(in.Containers) != 1 {
		t.Errorf("%+v", in)
	}
	w.must(m.Release(t.Context(), r.ContainerID))
	r.Segment, r.Networks = nil, []Want{{Network: None}, {Network: Bridge}}
	if _, err := m.Wire(t.Context(), r); !errors.Is(err, errdefs.ErrInvalidArgument) {
		t.Errorf("none and another: %v", err)
	}
	var host *HostNetworkError
	r.Networks = []Want{{Network: Host}}
	if _, err := m.Wire(t.Context(), r); !errors.As(err, &host) || !errors.Is(err, errdefs.ErrPermissionDenied) {
		t.Errorf("host: %v", err)
	}
}

// Isolation does not depend on whether bridged packets also pass the rules for routed ones.
func TestBridgeNetfilter(t *testing.T) {
	const file = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	old, err := os.ReadFile(file)
	if err != nil {
		t.Skip("needs br_netfilter: ", err)
	}
	w := newWorld(t)
	t.Cleanup(func() { os.WriteFile(file, old, 0) })
	m := w.open(Options{})
	w.create(m, "front", network.CreateRequest{})
	w.create(m, "vault", network.CreateRequest{Internal: true})
	w.create(m, "apart", network.CreateRequest{Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"}})
	pairs := map[string][2]*box{}
	for _, n := range []string{"front", "vault", "apart"} {
		pairs[n] = [2]*box{w.run(m, "1"+n, on(n)), w.run(m, "2"+n, on(n))}
		serve(t, pairs[n][1].ns, "0.0.0.0:9000")
	}
	for _, value := range []string{"0", "1"} {
		w.must(os.WriteFile(file, []byte(value), 0))
		reaches(t, "a peer with "+value, pairs["front"][0].ns, pairs["front"][1].addr()+":9000")
		reaches(t, "an internal peer with "+value, pairs["vault"][0].ns, pairs["vault"][1].addr()+":9000")
		blocked(t, "an isolated peer with "+value, pairs["apart"][0].ns, pairs["apart"][1].addr()+":9000")
		blocked(t, "another network with "+value, pairs["front"][0].ns, pairs["vault"][1].addr()+":9000")
	}
}

// Somebody flushes the ruleset of the whole host: isolation comes back by itself.
func TestRulesComeBack(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft(8) to play the other program")
	}
	w := newWorld(t)
	m := w.open(Options{})
	a, b := w.run(m, "a", WireRequest{}), w.run(m, "b", WireRequest{})
	serve(t, b.ns, "0.0.0.0:9000")
	before := listing(t)
	if out, err := exec.Command("nft", "flush", "ruleset").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	for end := time.Now().Add(confidence); difference(before, listing(t)) != "" && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the kernel tells the manager in its own time
	}
	if d := difference(before, listing(t)); d != "" {
		t.Errorf("not the same rules:\n%s", d)
	}
	blocked(t, "N-ICC after the rules came back", a.ns, b.addr()+":9000")
	if len(m.Warnings()) == 0 {
		t.Error("no word about it")
	}
}
