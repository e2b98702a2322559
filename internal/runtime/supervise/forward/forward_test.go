package forward

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

const localhost = "\x7f\x00\x00\x01"

// world is a loop that runs while a test talks through it.
type world struct {
	set  *Set
	loop *loop.Loop
	wake [2]int
	done chan struct{}
	todo chan func()
}

// Ready runs what the test wants done on the loop's goroutine.
func (w *world) Ready(uint32) {
	var b [1]byte
	unix.Read(w.wake[0], b[:])
	(<-w.todo)()
}

func start(t *testing.T, limits Limits, ports ...wire.Port) (*world, []wire.Port) {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{set: New(l, limits, make([]byte, 64<<10)), loop: l, done: make(chan struct{}), todo: make(chan func(), 1)}
	if err := unix.Pipe2(w.wake[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if err := l.Watch(w.wake[0], loop.In, w); err != nil {
		t.Fatal(err)
	}
	if err := w.set.Listen(ports); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(w.done); l.Run() }()
	t.Cleanup(func() {
		w.do(func() { w.set.Close(); l.Stop() })
		<-w.done
		unix.Close(w.wake[0])
		unix.Close(w.wake[1])
	})
	return w, ports
}

// do runs f on the loop's goroutine and waits for it.
func (w *world) do(f func()) {
	ran := make(chan struct{})
	w.todo <- func() { f(); close(ran) }
	unix.Write(w.wake[1], []byte{0})
	<-ran
}

func tcpServer(t *testing.T, serve func(*net.TCPConn)) wire.Port {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(c.(*net.TCPConn))
		}
	}()
	return wire.Port{HostIP: localhost, ContainerIP: localhost, ContainerPort: uint16(ln.Addr().(*net.TCPAddr).Port)}
}

func dial(t *testing.T, network string, p wire.Port) net.Conn {
	t.Helper()
	c, err := net.Dial(network, fmt.Sprintf("127.0.0.1:%d", p.HostPort))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// Everything arrives, in both directions at once, and an end that was closed
// in one direction still gets the rest in the other.
func TestTCPBothWaysAndHalfClose(t *testing.T) {
	_, ports := start(t, Limits{Conns: 100}, tcpServer(t, func(c *net.TCPConn) {
		defer c.Close()
		b, _ := io.ReadAll(c) // until the client's half-close
		c.Write(b)
	}))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c := dial(t, "tcp4", ports[0])
			want := make([]byte, 1<<20+i*1111)
			rand.NewChaCha8([32]byte{byte(i)}).Read(want)
			go func() {
				c.Write(want)
				c.(*net.TCPConn).CloseWrite()
			}()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d of %d bytes came back: %v", len(got), len(want), err)
			}
		})
	}
	wg.Wait()
}

func TestTCPRefusedByTheContainer(t *testing.T) {
	p := tcpServer(t, func(c *net.TCPConn) { c.Close() })
	ln, _ := net.Listen("tcp4", "127.0.0.1:0")
	p.ContainerPort = uint16(ln.Addr().(*net.TCPAddr).Port)
	ln.Close()
	_, ports := start(t, Limits{Conns: 10}, p)
	c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", ports[0].HostPort))
	if errors.Is(err, unix.ECONNRESET) {
		return // so soon that the client had not seen its connection yet
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

// A reset on one side arrives as a reset on the other, not as an end.
func TestTCPResetIsPassedOn(t *testing.T) {
	_, ports := start(t, Limits{Conns: 10}, tcpServer(t, func(c *net.TCPConn) {
		c.Write([]byte("half of "))
		c.Read(make([]byte, 1))
		c.SetLinger(0)
		c.Close()
	}))
	c := dial(t, "tcp4", ports[0])
	io.ReadFull(c, make([]byte, 8))
	c.Write([]byte("x"))
	if _, err := io.ReadAll(c); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("got %v", err)
	}
}

func TestTCPConnectionsAreBounded(t *testing.T) {
	w, ports := start(t, Limits{Conns: 2}, tcpServer(t, func(c *net.TCPConn) { io.Copy(c, c); c.Close() }))
	a, b, c := dial(t, "tcp4", ports[0]), dial(t, "tcp4", ports[0]), dial(t, "tcp4", ports[0])
	echo := func(c net.Conn) error {
		c.Write([]byte("x"))
		_, err := io.ReadFull(c, make([]byte, 1))
		return err
	}
	if err := errors.Join(echo(a), echo(b)); err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(300 * time.Millisecond))
	if err := echo(c); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a third connection was served: %v", err)
	}
	a.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if err := echo(c); err != nil {
		t.Fatalf("not served after another ended: %v", err)
	}
	w.do(func() {
		if len(w.set.conns) > 2 {
			t.Errorf("%d connections", len(w.set.conns))
		}
	})
}

// A connection that has nothing to say costs two descriptors, and after its
// end none.
func TestTCPDescriptors(t *testing.T) {
	w, ports := start(t, Limits{Conns: 100}, tcpServer(t, echoByte))
	before := descriptors(t)
	var conns []net.Conn
	for range 30 {
		c := dial(t, "tcp4", ports[0])
		c.Write([]byte("x"))
		io.ReadFull(c, make([]byte, 1))
		conns = append(conns, c)
	}
	// Two here, one in the server, one in the client, and the spare pipes.
	if n := descriptors(t) - before; n > 30*4+2*sparePipes {
		t.Errorf("30 silent connections hold %d descriptors", n)
	}
	for _, c := range conns {
		c.Close()
	}
	waitFor(t, func() (ended bool) {
		w.do(func() { ended = len(w.set.conns) == 0 })
		return ended
	})
	if n := descriptors(t) - before; n > 2*sparePipes {
		t.Errorf("%d descriptors are left", n)
	}
}

// echoByte answers without io.Copy, which would hold pipes of its own.
func echoByte(c *net.TCPConn) {
	defer c.Close()
	var b [1]byte
	for {
		if _, err := c.Read(b[:]); err != nil {
			return
		}
		c.Write(b[:])
	}
}

func TestBindFailureNamesThePort(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := uint16(ln.Addr().(*net.TCPAddr).Port)
	l, _ := loop.New()
	s := New(l, Limits{}, nil)
	before := descriptors(t)
	err = s.Listen([]wire.Port{
		{HostIP: localhost, ContainerIP: localhost, Name: "127.0.0.1:0/tcp"},
		{HostIP: localhost, HostPort: port, ContainerIP: localhost, Name: fmt.Sprintf("127.0.0.1:%d/tcp", port)},
	})
	want := fmt.Sprintf("port 127.0.0.1:%d/tcp cannot be published: address already in use; stop what uses it (ss -ltnp 'sport = :%d' shows it)", port, port)
	if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if n := descriptors(t) - before; n != 0 {
		t.Errorf("%d descriptors are left", n)
	}
	err = s.Listen([]wire.Port{{HostIP: "\x01\x02\x03\x04", ContainerIP: localhost, Name: "1.2.3.4:0/tcp"}})
	if err == nil || !strings.Contains(err.Error(), "choose an address that this host has") {
		t.Errorf("got %v", err)
	}
}

func udpServer(t *testing.T) wire.Port {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			pc.WriteTo(append([]byte("re:"), buf[:n]...), from)
		}
	}()
	return wire.Port{UDP: true, HostIP: localhost, ContainerIP: localhost, ContainerPort: uint16(pc.LocalAddr().(*net.UDPAddr).Port)}
}

func ask(c net.Conn, text string) string {
	c.Write([]byte(text))
	buf := make([]byte, 64<<10)
	n, err := c.Read(buf)
	if err != nil {
		return err.Error()
	}
	return string(buf[:n])
}

func TestUDPSessions(t *testing.T) {
	p := udpServer(t)
	p.HostIP = "\x00\x00\x00\x00" // answers must come from the address that was asked
	w, ports := start(t, Limits{Sessions: 100}, p)
	big := strings.Repeat("x", 8_000)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			c, err := net.Dial("udp4", fmt.Sprintf("127.0.0.%d:%d", 1+i%2, ports[0].HostPort))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(10 * time.Second))
			for j := range 5 {
				q := fmt.Sprintf("%d-%d%s", i, j, big[:j*2000])
				if got := ask(c, q); got != "re:"+q {
					t.Errorf("asked %.10q, got %.10q", q, got)
				}
			}
		})
	}
	wg.Wait()
	w.do(func() {
		if n := len(w.set.udp[0].sessions); n != 10 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestUDPSessionsAreBoundedAndEnd(t *testing.T) {
	w, ports := start(t, Limits{Sessions: 3}, udpServer(t))
	served := dial(t, "udp4", ports[0])
	if got := ask(served, "a"); got != "re:a" {
		t.Fatal(got)
	}
	// Strangers that are never answered, as forged addresses are not.
	w.do(func() {
		r := w.set.udp[0]
		for i := range 50 {
			r.session(&unix.SockaddrInet4{Port: 1000 + i, Addr: [4]byte{127, 0, 0, 9}}, nil, time.Now())
		}
		if len(r.sessions) != 3 {
			t.Errorf("%d sessions", len(r.sessions))
		}
	})
	if got := ask(served, "b"); got != "re:b" {
		t.Errorf("the one that was served is not any more: %s", got)
	}
	w.do(func() {
		r := w.set.udp[0]
		for _, s := range r.sessions {
			s.last = s.last.Add(-idleUnanswered - time.Second)
		}
		r.expire()
		if len(r.sessions) != 1 {
			t.Errorf("%d sessions after the strangers' time", len(r.sessions))
		}
		for _, s := range r.sessions {
			s.last = s.last.Add(-idleAnswered)
		}
		r.expire()
		if len(r.sessions) != 0 {
			t.Errorf("%d sessions after everyone's time", len(r.sessions))
		}
	})
}

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen")
		}
	}
}
