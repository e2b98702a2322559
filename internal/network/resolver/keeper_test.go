package resolver

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	localdns "github.com/bailey-run/bailey/internal/network/dns"
	"github.com/bailey-run/bailey/internal/network/nettest"
	"github.com/bailey-run/bailey/internal/network/resolver/resolvertest"
	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if code, ok := resolvertest.Main(os.Args); ok {
		os.Exit(code)
	}
	nettest.Main(m)
}

// The loopback network stands for one of the node's.
var (
	gateway = netip.MustParseAddr("127.0.9.1")
	client  = netip.MustParseAddr("127.0.9.2")
	second  = netip.MustParseAddr("127.0.8.1")
)

func options(t *testing.T, p *resolvertest.Program) Options {
	t.Helper()
	nettest.Require(t)
	must(t, linkUp())
	t.Cleanup(p.Kill)
	dir := filepath.Join(t.TempDir(), strings.Repeat("long-", 20), "resolver")
	t.Cleanup(func() {
		if said, err := os.ReadFile(logPath(dir)); t.Failed() && err == nil {
			t.Logf("the resolver said: %s", said)
		}
	})
	return Options{Dir: dir, Node: "/test", ResolvConf: os.DevNull, Program: p,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// linkUp brings loopback up.
func linkUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open makes a keeper that knows a network with a container named web.
func open(t *testing.T, o Options) *Keeper {
	t.Helper()
	k, err := Open(o)
	must(t, err)
	t.Cleanup(func() {
		if err := k.Destroy(); err != nil {
			t.Error(err)
		}
	})
	fill(k)
	port, err := k.Listen(gateway)
	if err != nil || port != 53 {
		t.Fatal(port, err)
	}
	k.Publish()
	return k
}

func fill(k *Keeper) {
	k.PutNetwork(localdns.Network{ID: "n", Subnet: netip.MustParsePrefix("127.0.9.0/24"), Internal: true})
	k.PutContainer(container("c", client, "web"))
}

func container(id string, a netip.Addr, names ...string) localdns.Container {
	return localdns.Container{ID: id, Endpoints: []localdns.Endpoint{{Network: "n", Addr: a, Names: names}}}
}

// ask asks once, without a second try.
func ask(from netip.Addr, at netip.Addr, netw, name string) (string, error) {
	var local net.Addr = &net.UDPAddr{IP: from.AsSlice()}
	if netw == "tcp" {
		local = &net.TCPAddr{IP: from.AsSlice()}
	}
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), dns.TypeA)
	c := dns.Client{Net: netw, Timeout: 20 * time.Second, Dialer: &net.Dialer{LocalAddr: local, Timeout: 20 * time.Second}}
	r, _, err := c.Exchange(q, netip.AddrPortFrom(at, 53).String())
	if err != nil {
		return "", err
	}
	words := []string{dns.RcodeToString[r.Rcode]}
	for _, rr := range r.Answer {
		words = append(words, rr.(*dns.A).A.String())
	}
	return strings.Join(words, " "), nil
}

func expect(t *testing.T, name, want string) {
	t.Helper()
	for _, netw := range []string{"udp", "tcp"} {
		if got, err := ask(client, gateway, netw, name); err != nil || got != want {
			t.Errorf("%s over %s: %q %v, want %s", name, netw, got, err, want)
		}
	}
}

const web = "NOERROR 127.0.9.2"

// pid is the resolver that answers.
func (k *Keeper) pid(t *testing.T) int {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		k.say.Lock()
		if k.link != nil {
			defer k.say.Unlock()
			return k.link.greeting.Pid
		}
		k.say.Unlock()
	}
	t.Fatal("there is no resolver")
	return 0
}

func running(p *resolvertest.Program) int {
	pids, _ := p.Running()
	return len(pids)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

func TestKeeperTellsTheResolver(t *testing.T) {
	p := &resolvertest.Program{}
	k := open(t, options(t, p))
	expect(t, "web", web)
	expect(t, "db", "NXDOMAIN")
	k.PutContainer(container("d", netip.MustParseAddr("127.0.9.3"), "db"))
	k.Flush()
	expect(t, "db", "NOERROR 127.0.9.3")
	if got, err := ask(netip.MustParseAddr("127.0.9.3"), gateway, "udp", "web"); got != web {
		t.Error(got, err)
	}
	k.DropContainer("d")
	k.Flush()
	expect(t, "db", "NXDOMAIN")
	if _, err := k.Listen(second); err != nil {
		t.Fatal(err)
	}
	if got, err := ask(client, second, "udp", "web"); got != web {
		t.Error(got, err)
	}
	k.Unlisten(second)
	if _, err := k.Listen(second); err != nil {
		t.Error("its socket was not closed:", err)
	}
	must(t, k.Destroy())
	if running(p) != 0 {
		t.Error("a resolver is left")
	}
	if _, err := net.DialTimeout("tcp", netip.AddrPortFrom(gateway, 53).String(), time.Second); !errors.Is(err, unix.ECONNREFUSED) {
		t.Error("somebody listens:", err)
	}
}

// Whoever is not a container gets no answer, also over the socket that root alone may use.
func TestResolverServesNobodyElse(t *testing.T) {
	o := options(t, &resolvertest.Program{})
	k := open(t, o)
	k.pid(t)
	stranger := net.UDPAddr{IP: net.IPv4(127, 0, 9, 77)}
	q := new(dns.Msg)
	q.SetQuestion("web.", dns.TypeA)
	c := dns.Client{Timeout: 200 * time.Millisecond, Dialer: &net.Dialer{LocalAddr: &stranger}}
	if r, _, err := c.Exchange(q, netip.AddrPortFrom(gateway, 53).String()); err == nil {
		t.Error("a stranger was served:", r)
	}
	info, err := os.Stat(socketPath(o.Dir))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
}

// loop asks without pause until it is told to stop, each question once, and fails the test when one has no or a wrong answer.
func loop(t *testing.T) (stop func()) {
	end := make(chan struct{})
	var all sync.WaitGroup
	counts := map[string]int{}
	var mu sync.Mutex
	for _, netw := range []string{"udp", "tcp"} {
		all.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				got, err := ask(client, gateway, netw, "web")
				if err != nil || got != web {
					t.Errorf("over %s: %q %v", netw, got, err)
					return
				}
				mu.Lock()
				counts[netw]++
				mu.Unlock()
			}
		})
	}
	return func() {
		t.Helper()
		close(end)
		all.Wait()
		t.Log("queries that were answered:", counts)
		if counts["udp"] == 0 || counts["tcp"] == 0 {
			t.Error("nothing was asked")
		}
	}
}

// A daemon goes, by whatever end, and another comes: no query fails, and the process is the same.
func TestRestartOfTheDaemonLosesNoQuery(t *testing.T) {
	p := &resolvertest.Program{}
	o := options(t, p)
	k := open(t, o)
	before := k.pid(t)
	stop := loop(t)
	for range 20 {
		k.Close()
		time.Sleep(10 * time.Millisecond)
		k = open(t, o)
		if now := k.pid(t); now != before {
			t.Fatalf("another process answers: %d, before %d", now, before)
		}
	}
	stop()
	// The next daemon knows of other things.
	k.Close()
	k, err := Open(o)
	must(t, err)
	t.Cleanup(func() { k.Destroy() })
	expect(t, "web", web) // as before, until everything is known
	k.PutNetwork(localdns.Network{ID: "n", Subnet: netip.MustParsePrefix("127.0.9.0/24")})
	k.PutContainer(container("c", client, "www"))
	if _, err := k.Listen(gateway); err != nil {
		t.Fatal(err)
	}
	k.Publish()
	expect(t, "web", "NXDOMAIN")
	expect(t, "www", web)
}

// An upgrade brings another program: the sockets go over, and no query fails.
func TestUpgradeLosesNoQuery(t *testing.T) {
	p := &resolvertest.Program{}
	o := options(t, p)
	k := open(t, o)
	before := k.pid(t)
	stop := loop(t)
	for i := range 5 {
		k.Close()
		next := &resolvertest.Program{Version: fmt.Sprint(i)}
		t.Cleanup(next.Kill)
		o.Program = next
		k = open(t, o)
		now := k.pid(t)
		if now == before {
			t.Fatal("the old program answers")
		}
		before = now
	}
	stop()
	eventually(t, "old ones are gone", func() bool { return running(p) == 0 })
}

// A resolver that is killed is replaced, and queries that come in meanwhile are answered by the next one.
func TestKilledResolverComesBack(t *testing.T) {
	p := &resolvertest.Program{}
	k := open(t, options(t, p))
	for range 3 {
		before := k.pid(t)
		must(t, unix.Kill(before, unix.SIGKILL))
		expect(t, "web", web)
		if now := k.pid(t); now == before {
			t.Error("the process is the one that was killed")
		}
	}
	// One that hangs is noticed by what it does not answer.
	before := k.pid(t)
	must(t, unix.Kill(before, unix.SIGSTOP))
	k.PutContainer(container("d", netip.MustParseAddr("127.0.9.3"), "db"))
	k.Flush()
	expect(t, "db", "NOERROR 127.0.9.3")
	eventually(t, "there is one resolver", func() bool { return running(p) == 1 })
}

// One that hangs while no daemon runs is found by the next.
func TestHangingResolverIsReplaced(t *testing.T) {
	p := &resolvertest.Program{}
	o := options(t, p)
	k := open(t, o)
	before := k.pid(t)
	k.Close()
	must(t, unix.Kill(before, unix.SIGSTOP))
	k, err := Open(o)
	must(t, err)
	t.Cleanup(func() { k.Destroy() })
	fill(k)
	if port, err := k.Listen(gateway); err != nil || port != localdns.Port {
		t.Fatal(port, err)
	}
	k.Publish()
	expect(t, "web", web)
	eventually(t, "the old one is gone", func() bool { return running(p) == 1 })
}

// A resolver that has nobody to answer goes with its daemon.
func TestIdleResolverLeaves(t *testing.T) {
	p := &resolvertest.Program{}
	k := open(t, options(t, p))
	k.pid(t)
	k.DropContainer("c")
	k.Flush()
	k.Close()
	eventually(t, "it has gone", func() bool { return running(p) == 0 })
}

// A program that does not start is tried again.
func TestResolverThatDoesNotStart(t *testing.T) {
	p := &resolvertest.Program{}
	p.Break(errors.New("no"))
	k := open(t, options(t, p))
	time.AfterFunc(300*time.Millisecond, func() { p.Break(nil) })
	k.Flush()
	expect(t, "web", web)
}

// What the process can do, as the kernel sees it.
func TestConfinement(t *testing.T) {
	k := open(t, options(t, &resolvertest.Program{}))
	pid := k.pid(t)
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	must(t, err)
	for _, task := range tasks {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, task.Name()))
		must(t, err)
		for _, want := range []string{"Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n", "Groups:\t \n",
			"NoNewPrivs:\t1\n", "Seccomp:\t2\n", "CapEff:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapInh:\t0000000000000000\n",
			"CapAmb:\t0000000000000000\n"} {
			if !strings.Contains(string(status), want) {
				t.Errorf("thread %s lacks %q in\n%s", task.Name(), want, status)
			}
		}
	}
}
