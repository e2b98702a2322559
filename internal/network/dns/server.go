package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Client is what the resolver needs to know about a container that asks.
type Client struct {
	// External says that names outside may be looked up for it.
	External bool
}

// Directory knows the containers. Its methods are called often and at the same time, and do not block.
type Directory interface {
	// Client tells whether the container with an address may ask the resolver on a gateway.
	Client(addr, gateway netip.Addr) (Client, bool)
	// Lookup returns the addresses of the containers of a name (lower case, without a dot at its end) on the networks that
	// the client shares.
	Lookup(client netip.Addr, name string) []netip.Addr
	// Reverse returns the name of the container with an address, when the client shares a network with it, and whether the
	// address is one of the node's own, which are never asked about outside.
	Reverse(client, addr netip.Addr) (name string, own bool)
}

// Options configures a [Server].
type Options struct {
	// ResolvConf is the file that names the resolvers to forward to (resolv.conf(5)); it is read again when it changes.
	ResolvConf string
	// AllowRebinding passes on answers from outside that point at loopback, link-local or metadata addresses.
	AllowRebinding bool
	// Log receives what the operator should know. Nil discards it.
	Log *slog.Logger
}

// The limits of the resolver, over all gateways.
const (
	maxQueries          = 512
	maxQueriesPerClient = 32
	maxConns            = 256
	maxConnsPerClient   = 8
	queryTimeout        = 5 * time.Second
	idleTimeout         = 5 * time.Second
	maxUDPQuery         = 1232 // no query is longer; the size that DNS flag day 2020 recommends
)

// Server answers on any number of gateways. It is safe for concurrent use.
type Server struct {
	dir     Directory
	log     *slog.Logger
	forward *forwarder
	cache   *cache
	rebind  bool
	queries limiter
	conns   limiter

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	listen map[netip.Addr]*listener
}

// New returns a server that listens nowhere yet.
func New(o Options, dir Directory) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		dir: dir, log: o.Log, rebind: o.AllowRebinding,
		forward: &forwarder{conf: resolvConf{path: o.ResolvConf}},
		cache:   newCache(),
		queries: limiter{total: maxQueries, each: maxQueriesPerClient},
		conns:   limiter{total: maxConns, each: maxConnsPerClient},
		listen:  map[netip.Addr]*listener{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Port is where a resolver is asked (RFC 1035, 4.2).
const Port = 53

// Listen starts to answer on a gateway's address, which an interface of the host must have, and returns the port: 53, or
// another one when a program of the host has taken that on every address; packets must be led there then. Doing it twice
// does nothing more.
func (s *Server) Listen(gateway netip.Addr) (port uint16, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return 0, net.ErrClosed
	}
	if l := s.listen[gateway]; l != nil {
		return l.port, nil
	}
	l, err := listenBoth(gateway, Port)
	const tries = 20 // a free port for UDP may be taken for TCP
	for i := 0; errors.Is(err, unix.EADDRINUSE) && i < tries; i++ {
		l, err = listenBoth(gateway, 0)
	}
	if err != nil {
		return 0, fmt.Errorf("serve DNS to containers on %s: %w", gateway, err)
	}
	s.listen[gateway] = l
	s.wg.Add(2)
	go func() { defer s.wg.Done(); s.serveUDP(l.udp, gateway) }()
	go func() { defer s.wg.Done(); s.serveTCP(l.tcp, gateway) }()
	return l.port, nil
}

// listener is the two sockets of one gateway.
type listener struct {
	udp  *net.UDPConn
	tcp  *net.TCPListener
	port uint16
}

func (l *listener) Close() {
	l.udp.Close()
	l.tcp.Close()
}

func listenBoth(gateway netip.Addr, port uint16) (*listener, error) {
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(gateway, port)))
	if err != nil {
		return nil, err
	}
	port = udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(gateway, port)))
	if err != nil {
		udp.Close()
		return nil, err
	}
	return &listener{udp: udp, tcp: tcp, port: port}, nil
}

// Unlisten stops to answer on a gateway.
func (s *Server) Unlisten(gateway netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.listen[gateway]; l != nil {
		l.Close()
		delete(s.listen, gateway)
	}
}

// Forget drops what is cached for a container that is gone.
func (s *Server) Forget(client netip.Addr) { s.cache.forget(client) }

// Search returns the search domains of the host's resolver configuration.
func (s *Server) Search() []string { return s.forward.conf.read().search }

// Close stops to answer and waits until nothing of the server runs.
func (s *Server) Close() error {
	s.mu.Lock()
	s.cancel()
	for _, l := range s.listen {
		l.Close()
	}
	clear(s.listen)
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// limiter counts what goes on, in total and for each client.
type limiter struct {
	mu          sync.Mutex
	total, each int
	all         int
	by          map[netip.Addr]int
}

// enter reports whether the client may do one thing more; if so, leave must follow.
func (l *limiter) enter(client netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.total || l.by[client] >= l.each {
		return false
	}
	if l.by == nil {
		l.by = map[netip.Addr]int{}
	}
	l.all++
	l.by[client]++
	return true
}

func (l *limiter) leave(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.by[client]--; l.by[client] == 0 {
		delete(l.by, client)
	}
}
