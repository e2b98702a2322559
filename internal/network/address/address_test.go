package address

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

var (
	p = netip.MustParsePrefix
	a = netip.MustParseAddr
)

func TestBlock(t *testing.T) {
	b, err := NewBlock(p("10.0.0.0/29"), netip.Prefix{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Take(a("10.0.0.1")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 5 {
		x, err := b.Next()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, x.String())
	}
	if !slices.Equal(got, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}) {
		t.Errorf("handed out %v", got)
	}
	var full *FullError
	if _, err := b.Next(); !errors.As(err, &full) {
		t.Errorf("full: %v", err)
	}
	// What is given back is not taken again while there is anything else.
	b.Free(a("10.0.0.3"))
	b.Free(a("10.0.0.5"))
	b.Free(a("10.0.0.5"))
	b.Free(a("fd00::1"))
	for _, want := range []string{"10.0.0.3", "10.0.0.5"} {
		if x, err := b.Next(); err != nil || x.String() != want {
			t.Errorf("%v %v, want %s", x, err, want)
		}
	}
	b.Free(a("10.0.0.3"))
	b.Free(a("10.0.0.6"))
	if x, _ := b.Next(); x != a("10.0.0.6") {
		t.Errorf("%v was used last of all", x)
	}
	for _, bad := range []string{"10.0.0.0", "10.0.0.7", "10.0.0.4", "10.0.1.1", "fd00::1"} {
		var taken *TakenError
		if err := b.Take(a(bad)); !errors.As(err, &taken) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestBlockRange(t *testing.T) {
	b, err := NewBlock(p("10.0.0.0/24"), p("10.0.0.128/31"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"10.0.0.128", "10.0.0.129"} {
		if x, err := b.Next(); err != nil || x.String() != want {
			t.Errorf("%v %v, want %s", x, err, want)
		}
	}
	if _, err := b.Next(); err == nil {
		t.Error("more than the range has")
	}
	if err := b.Take(a("10.0.0.5")); err != nil {
		t.Errorf("an address outside the range may be asked for: %v", err)
	}
	for _, bad := range []netip.Prefix{p("10.0.0.0/16"), p("10.0.1.0/25")} {
		if _, err := NewBlock(p("10.0.0.0/24"), bad); err == nil {
			t.Errorf("range %s", bad)
		}
	}
	for _, bad := range []netip.Prefix{p("10.0.0.0/31"), p("0.0.0.0/0"), p("fd00::/64"), {}} {
		if _, err := NewBlock(bad, netip.Prefix{}); err == nil {
			t.Errorf("subnet %s", bad)
		}
	}
}

func TestCandidates(t *testing.T) {
	var got []string
	avoid := []netip.Prefix{p("10.90.1.0/24"), p("10.90.2.128/32"), p("0.0.0.0/0")}
	for c := range Candidates([]netip.Prefix{p("10.90.0.0/22"), p("10.91.0.0/24"), p("10.92.0.0/28"), p("fd00::/8")}, 24, avoid) {
		got = append(got, c.String())
	}
	if !slices.Equal(got, []string{"10.90.0.0/24", "10.90.3.0/24", "10.91.0.0/24"}) {
		t.Error(got)
	}
	for c := range Candidates([]netip.Prefix{p("255.255.255.0/24")}, 24, nil) {
		if c != p("255.255.255.0/24") {
			t.Fatal("the last subnet of all does not end the search")
		}
	}
	if pools := DefaultPools(); len(pools) != 10 || pools[0] != p("10.90.0.0/16") || pools[9] != p("10.99.0.0/16") {
		t.Error(pools)
	}
}

func TestCheckSubnet(t *testing.T) {
	for _, ok := range []string{"10.0.0.0/8", "172.16.5.0/24", "192.168.0.0/29", "100.64.0.0/10"} {
		if err := CheckSubnet(p(ok)); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{"10.0.0.1/8", "8.8.8.0/24", "172.15.0.0/16", "10.0.0.0/7", "192.168.0.0/30", "169.254.0.0/16", "127.0.0.0/8", "224.0.0.0/8", "fd00::/64"} {
		if CheckSubnet(p(bad)) == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	if CheckSubnet(netip.Prefix{}) == nil {
		t.Error("nothing is accepted")
	}
}

func TestMAC(t *testing.T) {
	if got := ContainerMAC(a("10.90.0.5")).String(); got != "02:b1:0a:5a:00:05" {
		t.Error(got)
	}
	if HostMAC(a("10.90.0.5")).String() == GatewayMAC(a("10.90.0.5")).String() {
		t.Error("two ends have one address")
	}
	for _, bad := range []string{"", "x", "01:00:00:00:00:01", "00:00:00:00:00:00", "02:00:00:00:00:00:00:01", "ff:ff:ff:ff:ff:ff"} {
		if hw, err := ParseMAC(bad); err == nil {
			t.Errorf("%s is accepted as %s", bad, hw)
		}
	}
	if hw, err := ParseMAC("02-00-00-00-00-0A"); err != nil || hw.String() != "02:00:00:00:00:0a" {
		t.Error(hw, err)
	}
}

func claims(t *testing.T, dir string) *Claims {
	t.Helper()
	c, err := OpenClaims(dir, t.TempDir(), "here")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func take(t *testing.T, c *Claims, s netip.Prefix) (ok bool) {
	t.Helper()
	if err := c.Locked(func(h *Held) (err error) { ok, err = h.Subnet(s); return err }); err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestClaims(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nets")
	one, two := claims(t, dir), claims(t, dir)
	s := p("10.90.0.0/20")
	for range 2 {
		if !take(t, one, s) {
			t.Fatal("a claim cannot be had, or not by who has it")
		}
	}
	if take(t, two, s) {
		t.Fatal("a claim is not one node's alone")
	}
	err := two.Locked(func(h *Held) error {
		subnets, tags, err := h.Others()
		if !slices.Equal(subnets, []netip.Prefix{s}) || len(tags) != 0 {
			t.Errorf("others have %v %v", subnets, tags)
		}
		return errors.Join(err, h.FreeSubnet(s)) // which is not two's to free
	})
	if err != nil || take(t, two, s) {
		t.Error("another node's claim was freed", err)
	}
	if err := one.Locked(func(h *Held) error { return h.FreeSubnet(s) }); err != nil || !take(t, two, s) {
		t.Error("a freed claim cannot be had", err)
	}
	// Claims of nodes whose directory is gone, and of those that died while they wrote, are nobody's.
	if err := os.RemoveAll(two.owner); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tag-1a2b"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if !take(t, one, s) {
		t.Error("a claim of a node that is gone stays")
	}
	err = one.Locked(func(h *Held) error {
		ok, err := h.Tag("1a2b")
		if !ok {
			t.Error("a half-written claim stays")
		}
		_, tags, err2 := h.Mine()
		if !slices.Equal(tags, []string{"1a2b"}) {
			t.Errorf("mine: %v", tags)
		}
		return errors.Join(err, err2, h.FreeTag("1a2b"))
	})
	if err != nil {
		t.Error(err)
	}
}

func TestClaimsSweepAndNeighbours(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nets")
	one, near, gone := claims(t, dir), claims(t, dir), claims(t, dir)
	far, err := OpenClaims(dir, t.TempDir(), "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	for tag, c := range map[string]*Claims{"0001": one, "0002": near, "0003": far, "0004": gone} {
		if err := c.Locked(func(h *Held) error { _, err := h.Tag(tag); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(gone.owner); err != nil {
		t.Fatal(err)
	}
	err = one.Locked(func(h *Held) error {
		near, err := h.Neighbours()
		if !slices.Equal(near, []string{"0002"}) {
			t.Errorf("neighbours: %v", near)
		}
		return errors.Join(err, h.Sweep())
	})
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 4 {
		t.Errorf("after sweeping: %v %v", left, err)
	}
	if _, err := OpenClaims(dir, "relative", ""); err == nil {
		t.Error("a relative path is an owner")
	}
	if _, err := OpenClaims(dir, "/two\nlines", ""); err == nil {
		t.Error("two lines are an owner")
	}
}

// Links and pipes in a directory that others could write to are not followed and not waited for.
func TestClaimsAreNotFollowed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nets")
	c := claims(t, dir)
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := p("10.90.0.0/20")
	if err := os.Symlink(victim, filepath.Join(dir, subnetName(s))); err != nil {
		t.Fatal(err)
	}
	if !take(t, c, s) {
		t.Error("a link hinders a claim")
	}
	if b, _ := os.ReadFile(victim); string(b) != "precious" {
		t.Error("a claim was written through a link")
	}
}

// Of many that want the same subnet at once, one gets it.
func TestClaimsRace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nets")
	var wg sync.WaitGroup
	won := make(chan int, 20)
	for i := range 20 {
		c := claims(t, dir)
		wg.Add(1)
		go func() {
			defer wg.Done()
			_ = c.Locked(func(h *Held) error {
				ok, err := h.Subnet(p("10.90.0.0/20"))
				if ok {
					won <- i
				}
				return err
			})
		}()
	}
	wg.Wait()
	if len(won) != 1 {
		t.Errorf("%d nodes have the same subnet", len(won))
	}
}

func FuzzSubnetName(f *testing.F) {
	f.Add("10.90.0.0_20")
	f.Add("../x_1")
	f.Fuzz(func(t *testing.T, name string) {
		if got, ok := parseSubnetName(name); ok && !got.Addr().Is4() {
			t.Error(got)
		}
	})
}
