package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/network/nettest"
	"github.com/bailey-run/bailey/test/harness"
)

// outside is a resolver of the host, in a node's room, that knows one address for every name.
func outside(t *testing.T, node *harness.Node) {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	for _, dir := range []string{filepath.Dir(conf), filepath.Dir(filepath.Dir(conf))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var socket net.PacketConn
	err := node.Do(func() (err error) {
		if socket, err = net.ListenPacket("udp4", "127.0.0.1:53"); err != nil {
			return err
		}
		return unix.Mount(conf, "/etc/resolv.conf", "", unix.MS_BIND, "")
	})
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: socket, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		if answer, err := dns.NewRR(q.Question[0].Name + " 0 IN A 192.0.2.80"); err == nil {
			m.Answer = append(m.Answer, answer)
		}
		_ = w.WriteMsg(m)
	})}
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
}

// asker is a container from whose network names are asked for.
type asker struct {
	ns     *os.File
	server string
}

// askFrom gives what it takes to ask from the network of a container.
func askFrom(t *testing.T, node *harness.Node, id string) asker {
	t.Helper()
	text, code, err := run(t.Context(), node, id, "cat", "/etc/resolv.conf")
	if err != nil || code != 0 {
		t.Fatal(text, code, err)
	}
	_, rest, _ := strings.Cut(text, "nameserver ")
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", inspect(t, node, id).State.Pid))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	return asker{ns: ns, server: strings.Fields(rest)[0]}
}

// ask asks for a name once: a query that is lost is not repeated.
func (a asker) ask(t *testing.T, name string) (answer string, err error) {
	nettest.In(t, a.ns, func() {
		q := new(dns.Msg)
		q.SetQuestion(dns.Fqdn(name), dns.TypeA)
		var r *dns.Msg
		if r, _, err = (&dns.Client{Timeout: 20 * time.Second}).Exchange(q, net.JoinHostPort(a.server, "53")); err != nil {
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

// member describes a container on a network of its own name.
func member(name, network string) client.ContainerCreateOptions {
	o := shell(name, "sleep 1000")
	o.HostConfig.NetworkMode = container.NetworkMode(network)
	return o
}

// TestNamesOutliveTheDaemon: containers resolve one another and the outside while the daemon is dead, while it is restarted,
// and after the resolver itself was killed; nobody resolves more than before.
func TestNamesOutliveTheDaemon(t *testing.T) {
	node := harness.New(t, harness.Options{})
	outside(t, node)
	for _, name := range []string{"front", "back"} {
		node.MustBailey(t, "network", "create", name)
	}
	web := launch(t, node, member("web", "front"))
	peer := askFrom(t, node, launch(t, node, member("peer", "front")))
	stranger := askFrom(t, node, launch(t, node, member("stranger", "back")))
	address := inspect(t, node, web).NetworkSettings.Networks["front"].IPAddress.String()
	right := func(when string) {
		t.Helper()
		for _, c := range []struct {
			from       asker
			name, want string
		}{
			{peer, "web", "NOERROR " + address}, {peer, "example.net", "NOERROR 192.0.2.80"},
			{stranger, "web", "NXDOMAIN"}, {stranger, "example.net", "NOERROR 192.0.2.80"},
		} {
			if got, err := c.from.ask(t, c.name); err != nil || got != c.want {
				t.Errorf("%s: %s is %q %v, want %s", when, c.name, got, err, c.want)
			}
		}
	}
	right("with a daemon")
	one := node.Resolvers()
	if len(one) != 1 {
		t.Fatalf("the node has the resolvers %v, want one", one)
	}
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	right("without a daemon")

	stop, failed, asked := make(chan struct{}), atomic.Pointer[string]{}, 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ; ; asked++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond): // well below what one container may ask in a second
			}
			for name, want := range map[string]string{"web": "NOERROR " + address, "example.net": "NOERROR 192.0.2.80"} {
				if got, err := peer.ask(t, name); err != nil || got != want {
					text := fmt.Sprintf("query %d: %s is %q %v", asked, name, got, err)
					failed.CompareAndSwap(nil, &text)
				}
			}
		}
	}()
	for range 4 {
		if err := node.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := node.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := node.Resolvers(); len(now) != 1 || now[0] != one[0] {
		t.Errorf("the resolver was %v and is %v", one, now)
	}
	close(stop)
	<-done
	if text := failed.Load(); text != nil {
		t.Error(*text)
	}
	t.Logf("%d rounds of queries meanwhile", asked)
	// What a resolver had read when it was killed dies with it; nothing else does.
	if err := syscall.Kill(one[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	right("after the resolver was killed")

	node.MustBailey(t, "rm", "-f", "web")
	if got, err := peer.ask(t, "web"); err != nil || got != "NXDOMAIN" {
		t.Errorf("after its container is gone web is %q %v", got, err)
	}
}

// TestResolverFootprint: the resolver is outside of the daemon's control group, is nobody, and leaves with the last container.
func TestResolverFootprint(t *testing.T) {
	node := harness.New(t, harness.Options{})
	launch(t, node, shell("one", "sleep 1000"))
	pids := node.Resolvers()
	if len(pids) != 1 {
		t.Fatalf("the node has the resolvers %v", pids)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pids[0]))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Uid:\t65534", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("its status lacks %q:\n%s", want, status)
		}
	}
	eventually(t, 10*time.Second, "it is in the supervisors' control group", func() bool {
		groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pids[0]))
		return err == nil && strings.Contains(string(groups), "/bailey-"+node.Name()+"/supervisors\n")
	})
	node.MustBailey(t, "rm", "-f", "one")
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "it has left with the daemon", func() bool { return len(node.Resolvers()) == 0 })
	if err := node.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
}
