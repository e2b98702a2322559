package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/bailey-run/bailey/internal/sandbox"
	"golang.org/x/sys/unix"
)

// Inside returns how a part of this very process reaches the API as a caller
// of its own: a connection is a pair of sockets that nobody else can open, so
// that the node's own requests take every station that others' do.
func (s *Server) Inside(caller sandbox.Caller) func(ctx context.Context, network, address string) (net.Conn, error) {
	start := sync.OnceValue(func() *insideListener {
		l := &insideListener{caller: caller, incoming: make(chan net.Conn), over: make(chan struct{})}
		go func() { _ = s.http.Serve(l) }() // ends with the server, which closes l
		return l
	})
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return start().dial(ctx) }
}

// insideConn is a connection from inside the process.
type insideConn struct {
	*net.UnixConn
	caller sandbox.Caller
}

// insideListener hands connections from dial to Accept.
type insideListener struct {
	caller   sandbox.Caller
	incoming chan net.Conn
	over     chan struct{}
	once     sync.Once
}

func (l *insideListener) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	select {
	case l.incoming <- &insideConn{theirs, l.caller}:
		return ours, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.over:
		err = net.ErrClosed
	}
	return nil, errors.Join(err, ours.Close(), theirs.Close())
}

// Accept waits for the next connection.
func (l *insideListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.incoming:
		return conn, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

// Close ends the listening.
func (l *insideListener) Close() error {
	l.once.Do(func() { close(l.over) })
	return nil
}

// Addr is no address: nobody can find the listener.
func (l *insideListener) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }

// socketPair returns the two ends of one connection.
func socketPair() (*net.UnixConn, *net.UnixConn, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("a connection inside the process: %w", err)
	}
	var conns [2]*net.UnixConn
	var errs [2]error
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "inside")
		conn, err := net.FileConn(f)
		errs[i] = errors.Join(err, f.Close())
		conns[i], _ = conn.(*net.UnixConn)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, nil, fmt.Errorf("a connection inside the process: %w", err)
	}
	return conns[0], conns[1], nil
}
