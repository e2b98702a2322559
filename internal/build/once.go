package build

import (
	"net"
	"sync"
)

// once is a listener with a single connection, for servers that want one. It
// is at its end when the connection is.
type once struct {
	conn chan net.Conn
	over chan struct{}
	addr net.Addr
}

func listenOnce(conn net.Conn) *once {
	l := &once{conn: make(chan net.Conn, 1), over: make(chan struct{}), addr: conn.LocalAddr()}
	l.conn <- &onceConn{Conn: conn, close: sync.OnceFunc(func() { close(l.over) })}
	return l
}

// Accept returns the connection, and then waits for its end.
func (l *once) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conn:
		return conn, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

// Close does nothing: the end of the connection is the end of the listener.
func (l *once) Close() error { return nil }

// Addr is the connection's own.
func (l *once) Addr() net.Addr { return l.addr }

// onceConn tells its listener of its end.
type onceConn struct {
	net.Conn
	close func()
}

// Close closes the connection.
func (c *onceConn) Close() error {
	defer c.close()
	return c.Conn.Close()
}
