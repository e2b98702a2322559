package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
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
	// Complain is told what the operator should know. Nil discards it.
	Complain func(string)
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
	dir      Directory
	complain func(string)
	forward  *forwarder
	cache    *cache
	rebind   bool
	queries  limiter
	conns    limiter

	ctx      context.Context
	cancel   context.CancelFunc
	readers  sync.WaitGroup // of sockets
	wg       sync.WaitGroup // of queries and connections
	mu       sync.Mutex
	draining bool
	listen   map[netip.Addr]*listener
}

// New returns a server that listens nowhere yet.
func New(o Options, dir Directory) *Server {
	if o.Complain == nil {
		o.Complain = func(string) {}
	}
	s := &Server{
		dir: dir, complain: o.Complain, rebind: o.AllowRebinding,
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

// Serve starts to answer on a gateway, through sockets that are bound there. They belong to the server from then on. Those
// of a gateway that is served already are closed.
func (s *Server) Serve(gateway netip.Addr, udp *net.UDPConn, tcp *net.TCPListener) error {
	l := &listener{udp: udp, tcp: tcp}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil || s.draining {
		l.Close()
		return net.ErrClosed
	}
	if s.listen[gateway] != nil {
		l.Close()
		return nil
	}
	s.listen[gateway] = l
	s.readers.Add(2)
	go func() { defer s.readers.Done(); s.serveUDP(l.udp, gateway) }()
	go func() { defer s.readers.Done(); s.serveTCP(l.tcp, gateway) }()
	return nil
}

// listener is the two sockets of one gateway.
type listener struct {
	udp *net.UDPConn
	tcp *net.TCPListener
}

func (l *listener) Close() {
	l.udp.Close()
	l.tcp.Close()
}

// Stop stops to answer on a gateway.
func (s *Server) Stop(gateway netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.listen[gateway]; l != nil {
		l.Close()
		delete(s.listen, gateway)
	}
}

// Forget drops what is cached for a container that is gone.
func (s *Server) Forget(client netip.Addr) { s.cache.forget(client) }

// Drain reads no further query, and returns when those that were read are answered or time is up. Queries that come in
// meanwhile stay in the sockets, for another server that has them too.
func (s *Server) Drain(limit time.Duration) {
	s.mu.Lock()
	s.draining = true
	for _, l := range s.listen {
		_ = l.udp.SetReadDeadline(past)
		_ = l.tcp.SetDeadline(past)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.readers.Wait()
		s.wg.Wait()
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// past is a deadline that makes reading fail at once.
var past = time.Unix(1, 0)

// over reports whether a reader has to end.
func (s *Server) over(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining || errors.Is(err, net.ErrClosed)
}

// Close stops to answer and waits until nothing of the server runs.
func (s *Server) Close() error {
	s.mu.Lock()
	s.cancel()
	for _, l := range s.listen {
		l.Close()
	}
	clear(s.listen)
	s.mu.Unlock()
	s.readers.Wait()
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
