package firewall

import (
	"flag"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/network/nettest"
	"github.com/google/nftables"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

func TestMain(m *testing.M) { nettest.Main(m) }

var config = Config{Node: "0a1b2c3d", Prefix: "bly1a2b", LinkPrefix: "bly1a2b-", Family: "bly"}

func sample() State {
	return State{
		Subnets: []netip.Prefix{
			netip.MustParsePrefix("10.90.0.0/20"), netip.MustParsePrefix("10.90.16.0/24"), netip.MustParsePrefix("10.90.17.0/24")},
		Gateways: []Gateway{{netip.MustParseAddr("10.90.0.1"), 53}, {netip.MustParseAddr("10.90.16.1"), 40053}},
		Networks: []Network{
			{Bridge: "bly1a2bb00000a"}, {Bridge: "bly1a2bb00000b", Internal: true}, {Bridge: "bly1a2bb00000c", Isolated: true}},
		Published: []Published{
			{HostIP: netip.MustParseAddr("192.0.2.1"), HostPort: 8080, Proto: 6, IP: netip.MustParseAddr("10.90.0.5"), Port: 80},
			{HostIP: netip.IPv4Unspecified(), HostPort: 53, Proto: 17, IP: netip.MustParseAddr("10.90.0.6"), Port: 5353}},
		Ports: []Port{
			{Link: "bly1a2b-000001", MAC: net.HardwareAddr{2, 0xb1, 10, 90, 16, 2}, IP: netip.MustParseAddr("10.90.16.2")}},
		Guarded: []string{"eth0"},
	}
}

func open(t testing.TB) *Table {
	t.Helper()
	nettest.Require(t)
	tb, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tb.Remove(); err != nil {
			t.Error(err)
		}
		tb.Close()
	})
	return tb
}

// nft lists a table with priorities as numbers, or skips.
func nft(t testing.TB, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft(8) to read back what the kernel holds")
	}
	out, err := exec.Command("nft", append([]string{"-y"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("nft %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestRulesAsText(t *testing.T) {
	r := newRuleset(config)
	got := "# table inet\n" + r.text(r.inet) + "# table bridge\n" + r.text(r.bridge)
	const file = "testdata/rules.golden"
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("rules changed (run with -rewrite to accept):\n%s", got)
	}
}

// The text is only worth something if it is what the kernel holds.
func TestKernelHoldsTheText(t *testing.T) {
	tb := open(t)
	if err := tb.Apply(sample()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []*nftables.Table{tb.rules.inet, tb.rules.bridge} {
		family := map[nftables.TableFamily]string{nftables.TableFamilyINet: "inet", nftables.TableFamilyBridge: "bridge"}[table.Family]
		if table.Family == nftables.TableFamilyBridge && !tb.Bridged() {
			continue
		}
		listed := nft(t, "list", "table", family, table.Name)
		_, chains, _ := strings.Cut(listed, "\tchain ")
		got := squeeze("chain " + strings.TrimSuffix(strings.TrimSpace(chains), "}"))
		if want := squeeze(tb.rules.text(table)); got != want {
			t.Errorf("table %s: kernel holds\n%s\nwant\n%s", family, got, want)
		}
	}
	all := squeeze(nft(t, "list", "ruleset"))
	for _, want := range []string{
		"elements = { 0.0.0.0/8, 100.100.100.200, 127.0.0.0/8, 168.63.129.16, 169.254.0.0/16, 192.0.0.192, 240.0.0.0/4 }",
		"elements = { 10.90.0.0/20, 10.90.16.0/24, 10.90.17.0/24 }",
		"elements = { 10.90.0.1, 10.90.16.1 }", "elements = { 10.90.0.1 }",
		"elements = { 10.90.16.1 . tcp . 53 : 10.90.16.1 . 40053, 10.90.16.1 . udp . 53 : 10.90.16.1 . 40053 }",
		`elements = { "bly1a2bb00000a" . "bly1a2bb00000a", "bly1a2bb00000b" . "bly1a2bb00000b" }`,
		`elements = { "bly1a2bb00000b" }`, `elements = { "eth0" }`,
		"elements = { 192.0.2.1 . tcp . 8080 : 10.90.0.5 . 80 }",
		"elements = { udp . 53 : 10.90.0.6 . 5353 }",
		`elements = { "bly1a2b-000001" . 02:b1:0a:5a:10:02 . 10.90.16.2 }`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the kernel's sets lack %s in\n%s", want, all)
		}
	}
}

var space = regexp.MustCompile(`\s+`)

func squeeze(s string) string { return strings.TrimSpace(space.ReplaceAllString(s, " ")) }

// Elements come and go one by one and leave what was there before, whatever their order: neighbouring subnets share an
// end of their intervals.
func TestChange(t *testing.T) {
	tb := open(t)
	base := State{Subnets: []netip.Prefix{netip.MustParsePrefix("10.90.0.0/20")}}
	if err := tb.Apply(base); err != nil {
		t.Fatal(err)
	}
	before := nft(t, "list", "ruleset")
	st := sample()
	st.Subnets = st.Subnets[1:]
	if err := tb.Change(st, State{}); err != nil {
		t.Fatal(err)
	}
	if during := nft(t, "list", "ruleset"); during == before {
		t.Fatal("nothing was added")
	}
	if err := tb.Change(State{}, State{Subnets: st.Subnets[:1]}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(squeeze(nft(t, "list", "ruleset")), "elements = { 10.90.0.0/20, 10.90.17.0/24 }") {
		t.Error("removing the subnet in the middle took another with it")
	}
	st.Subnets = st.Subnets[1:]
	if err := tb.Change(State{}, st); err != nil {
		t.Fatal(err)
	}
	if after := nft(t, "list", "ruleset"); after != before {
		t.Errorf("after adding and removing:\n%s\nbefore:\n%s", after, before)
	}
}

// Somebody flushed the ruleset: a change that the kernel refuses for it, and a repair, both bring everything back.
func TestSurvivesFlush(t *testing.T) {
	tb := open(t)
	if err := tb.Apply(sample()); err != nil {
		t.Fatal(err)
	}
	before := nft(t, "list", "ruleset")
	nft(t, "flush", "ruleset")
	if again, err := tb.Repair(); err != nil || !again {
		t.Fatal(again, err)
	}
	if after := nft(t, "list", "ruleset"); after != before {
		t.Errorf("repaired:\n%s\nbefore:\n%s", after, before)
	}
	if again, err := tb.Repair(); err != nil || again {
		t.Error("repaired what was not broken", err)
	}
	nft(t, "flush", "ruleset")
	extra := State{Guarded: []string{"eth1"}}
	if err := tb.Change(extra, State{}); err != nil {
		t.Fatal(err)
	}
	if err := tb.Change(State{}, extra); err != nil {
		t.Fatal(err)
	}
	if after := nft(t, "list", "ruleset"); after != before {
		t.Errorf("after a change:\n%s\nbefore:\n%s", after, before)
	}
}

func TestManyElements(t *testing.T) {
	tb := open(t)
	var st State
	for i := range 3000 {
		ip := netip.AddrFrom4([4]byte{10, 90, byte(i >> 8), byte(i)})
		st.Ports = append(st.Ports, Port{Link: "bly1a2b-000001", MAC: net.HardwareAddr{2, 0xb1, 10, 90, byte(i >> 8), byte(i)}, IP: ip})
		st.Published = append(st.Published, Published{HostIP: ip, HostPort: uint16(i + 1), Proto: 6, IP: ip, Port: 80})
	}
	if err := tb.Apply(st); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(nft(t, "list", "ruleset"), " : 10.90."); n != 3000 {
		t.Errorf("%d of 3000 published ports are in the kernel", n)
	}
}

func TestRemoveTwice(t *testing.T) {
	tb := open(t)
	if err := tb.Apply(State{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := tb.Remove(); err != nil {
			t.Fatal(err)
		}
		if left := nft(t, "list", "ruleset"); left != "" {
			t.Errorf("left: %s", left)
		}
	}
	if again, err := tb.Repair(); again || err != nil || nft(t, "list", "ruleset") != "" {
		t.Errorf("what was removed on purpose came back: %t %v", again, err)
	}
}

func BenchmarkApply(b *testing.B) {
	tb := open(b)
	for b.Loop() {
		if err := tb.Apply(sample()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	tb := open(b)
	if err := tb.Apply(sample()); err != nil {
		b.Fatal(err)
	}
	st := State{Published: []Published{
		{HostIP: netip.MustParseAddr("192.0.2.1"), HostPort: 9090, Proto: 6, IP: netip.MustParseAddr("10.90.0.5"), Port: 80}}}
	for b.Loop() {
		if err := tb.Change(st, State{}); err != nil {
			b.Fatal(err)
		}
		if err := tb.Change(State{}, st); err != nil {
			b.Fatal(err)
		}
	}
}
