package firewall

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// load gives nft(8) a script.
func load(t *testing.T, script string) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft(8) to play another firewall")
	}
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(script, "}", "}\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("nft", "flush", "ruleset").Run() })
}

func TestForeign(t *testing.T) {
	tb := open(t)
	if err := tb.Apply(sample()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, script   string
		forward, input []string
	}{
		{"nothing", "table inet x { }", nil, nil},
		{"docker", `table ip filter {
			chain FORWARD { type filter hook forward priority 0; policy drop; }
			chain INPUT { type filter hook input priority 0; policy accept; } }`,
			[]string{"table ip filter chain FORWARD"}, nil},
		{"ufw", `table ip filter {
			chain FORWARD { type filter hook forward priority 0; policy drop; tcp dport 1 accept; }
			chain INPUT { type filter hook input priority 0; policy drop; } }`,
			[]string{"table ip filter chain FORWARD"}, []string{"table ip filter chain INPUT"}},
		{"firewalld", `table inet firewalld {
			chain filter_FORWARD { type filter hook forward priority 10; policy accept; ct state established accept; counter reject with icmpx admin-prohibited; }
			chain filter_INPUT { type filter hook input priority 10; policy accept; reject; } }`,
			[]string{"table inet firewalld chain filter_FORWARD"}, []string{"table inet firewalld chain filter_INPUT"}},
		{"another node", `table inet bailey-ffffffff {
			chain forward { type filter hook forward priority 0; policy accept; drop; } }`, nil, nil},
		{"only a condition", `table inet x {
			chain forward { type filter hook forward priority 0; policy accept; ip daddr 192.0.2.9 drop; } }`, nil, nil},
		{"IPv6", `table ip6 x { chain forward { type filter hook forward priority 0; policy drop; } }`, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			load(t, c.script)
			f, err := tb.Foreign()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(f.Forward, c.forward) || !slices.Equal(f.Input, c.input) {
				t.Errorf("got %+v", f)
			}
		})
	}
}

// What others delete comes back; what they keep is left alone.
func TestWatch(t *testing.T) {
	tb := open(t)
	if err := tb.Apply(sample()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	repaired := make(chan error, 10)
	if err := tb.Watch(ctx, func(err error) { repaired <- err }); err != nil {
		t.Fatal(err)
	}
	before := nft(t, "list", "ruleset")
	for _, deletion := range [][]string{
		{"flush", "ruleset"},
		{"delete", "table", "bridge", "bailey-0a1b2c3d"},
		{"flush", "table", "inet", "bailey-0a1b2c3d"},
		{"flush", "chain", "inet", "bailey-0a1b2c3d", "sent"},
	} {
		nft(t, deletion...)
		select {
		case err := <-repaired:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("nothing was repaired after nft %v", deletion)
		}
		if after := nft(t, "list", "ruleset"); after != before {
			t.Errorf("after nft %v:\n%s\nbefore:\n%s", deletion, after, before)
		}
	}
	nft(t, "add", "table", "ip", "other")
	nft(t, "delete", "table", "ip", "other")
	if err := tb.Change(State{Guarded: []string{"eth1"}}, State{}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-repaired:
		t.Error("repaired what was not broken", err)
	case <-time.After(50 * time.Millisecond):
	}
}

func FuzzDeletesFrom(f *testing.F) {
	f.Add([]byte("\x28\x00\x00\x00\x02\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x14\x00\x01\x00bailey-0a1b2c3d\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		deletesFrom("bailey-0a1b2c3d", b)
	})
}
