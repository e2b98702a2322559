package forward

import (
	"time"

	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"golang.org/x/sys/unix"
)

// The measures of a connection: how much is spliced at once, how often before
// others get their turn, and how many empty pipes are kept for the next.
const (
	spliceMax   = 64 << 10
	spliceShort = 8 << 10 // below this the source is taken to be empty
	rounds      = 16
	sparePipes  = 8
	backlog     = 512
	pauseAccept = 100 * time.Millisecond
	keepIdle    = 120 // seconds
)

// listener accepts on one published TCP port.
type listener struct {
	set *Set
	fd  int
	to  unix.Sockaddr
}

func (s *Set) serveTCP(fd int, to unix.Sockaddr) error {
	if err := unix.Listen(fd, backlog); err != nil {
		return err
	}
	l := &listener{s, fd, to}
	if err := s.loop.Watch(fd, loop.In, l); err != nil {
		return err
	}
	s.tcp = append(s.tcp, l)
	return nil
}

// Ready accepts one connection; the loop calls again for the next.
func (l *listener) Ready(uint32) {
	s := l.set
	if len(s.conns) >= s.limits.Conns {
		s.pause()
		return
	}
	fd, _, err := unix.Accept4(l.fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	switch err {
	case nil:
		s.connect(fd, l.to)
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		s.pause()
	}
}

// pause leaves connections in the kernel's queue for a moment.
func (s *Set) pause() {
	for _, l := range s.tcp {
		s.loop.Forget(l.fd)
	}
	s.loop.After(&s.paused, pauseAccept, func() {
		for _, l := range s.tcp {
			_ = s.loop.Watch(l.fd, loop.In, l)
		}
	})
}

// conn is one connection: flow 0 goes from the client to the container, flow 1
// back.
type conn struct {
	set        *Set
	ends       [2]end // the client's and the container's
	flows      [2]flow
	connecting bool
}

// end is one socket of a connection.
type end struct {
	c    *conn
	fd   int
	hung bool // hung up, which the kernel reports for ever
}

// flow is one direction. pipe is only held while bytes are in it.
type flow struct {
	pipe [2]int
	held int  // bytes in the pipe
	eof  bool // the source gives no more
	shut bool // and the sink was told
}

func (s *Set) connect(client int, to unix.Sockaddr) {
	server, err := socket(family(to), unix.SOCK_STREAM)
	if err != nil {
		unix.Close(client)
		return
	}
	c := &conn{set: s, connecting: true}
	c.ends = [2]end{{c, client, false}, {c, server, false}}
	for _, e := range c.ends {
		_ = unix.SetsockoptInt(e.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		_ = unix.SetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
		_ = unix.SetsockoptInt(e.fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepIdle)
	}
	if s.conns == nil {
		s.conns = make(map[*conn]struct{})
	}
	s.conns[c] = struct{}{}
	if err := unix.Connect(server, to); err != nil && err != unix.EINPROGRESS {
		c.close(true)
		return
	}
	c.wait()
}

// Ready moves what can be moved.
func (e *end) Ready(events uint32) {
	c := e.c
	if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		e.hung = true
	}
	if c.connecting {
		failed, err := unix.GetsockoptInt(c.ends[1].fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil || failed != 0 || c.ends[0].hung {
			c.close(true)
			return
		}
		if e != &c.ends[1] || events&loop.Out == 0 {
			return
		}
		c.connecting = false
	}
	for i := range c.flows {
		if c.concerns(i, e, events) && !c.pump(i) {
			c.close(true)
			return
		}
	}
	if c.flows[0].shut && c.flows[1].shut {
		c.close(false)
		return
	}
	c.wait()
}

// concerns tells whether events of an end can have changed what a direction
// can do: its source gives, its sink takes, or something ended. Asking
// the kernel in vain costs a small request as much as passing it on.
func (c *conn) concerns(i int, e *end, events uint32) bool {
	if events&^(loop.In|loop.Out) != 0 {
		return true
	}
	return e == &c.ends[i] && events&loop.In != 0 || e == &c.ends[1-i] && events&loop.Out != 0
}

// pump moves one direction on; false means that the connection is broken.
func (c *conn) pump(i int) bool {
	f, from, to := &c.flows[i], c.ends[i].fd, c.ends[1-i].fd
	defer c.set.release(f)
	short := false // the source had less than was asked for: the loop says when it has more
	for range rounds {
		if f.held == 0 && !f.eof {
			if short {
				return true
			}
			if !c.set.borrow(f) {
				return false
			}
			n, err := unix.Splice(from, nil, f.pipe[1], nil, spliceMax, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
			if err == unix.EAGAIN {
				return true
			}
			if err != nil && err != unix.EINTR {
				return false
			}
			f.held, f.eof = int(n), n == 0 && err == nil
			short = n > 0 && n < spliceShort
		}
		if f.held == 0 {
			if f.eof && !f.shut {
				f.shut = true
				_ = unix.Shutdown(to, unix.SHUT_WR)
			}
			if f.eof {
				return true
			}
			continue
		}
		n, err := unix.Splice(f.pipe[0], nil, to, nil, f.held, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if err == unix.EAGAIN {
			return true
		}
		if err != nil && err != unix.EINTR {
			return false
		}
		f.held -= int(max(n, 0))
	}
	return true
}

// wait asks the loop for what each end is waiting for.
func (c *conn) wait() {
	for i := range c.ends {
		e, in, out := &c.ends[i], &c.flows[i], &c.flows[1-i]
		var events uint32
		if in.held == 0 && !in.eof && !c.connecting {
			events |= loop.In
		}
		if out.held > 0 || c.connecting && i == 1 {
			events |= loop.Out
		}
		if events == 0 && e.hung {
			c.set.loop.Forget(e.fd)
		} else if err := c.set.loop.Watch(e.fd, events, e); err != nil {
			c.close(true)
			return
		}
	}
}

// close ends the connection. A broken one is reset, so that the other side
// does not take what it got for the whole.
func (c *conn) close(broken bool) {
	if _, live := c.set.conns[c]; !live {
		return
	}
	delete(c.set.conns, c)
	for i := range c.ends {
		if broken {
			_ = unix.SetsockoptLinger(c.ends[i].fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		}
		c.set.loop.Close(&c.ends[i].fd)
		if f := &c.flows[i]; f.held > 0 {
			unix.Close(f.pipe[0])
			unix.Close(f.pipe[1])
			f.held, f.pipe = 0, [2]int{}
		}
	}
}

func (s *Set) borrow(f *flow) bool {
	if f.pipe != [2]int{} {
		return true
	}
	if n := len(s.pipes); n > 0 {
		f.pipe, s.pipes = s.pipes[n-1], s.pipes[:n-1]
		return true
	}
	return unix.Pipe2(f.pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK) == nil
}

func (s *Set) release(f *flow) {
	if f.held > 0 || f.pipe == [2]int{} {
		return
	}
	if len(s.pipes) < sparePipes {
		s.pipes = append(s.pipes, f.pipe)
	} else {
		unix.Close(f.pipe[0])
		unix.Close(f.pipe[1])
	}
	f.pipe = [2]int{}
}
