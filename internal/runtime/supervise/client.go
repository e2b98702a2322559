package supervise

import (
	"time"

	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// What is kept for a client that does not read: beyond full the container is
// made to wait, below low it goes on.
const (
	full = 1 << 20
	low  = full / 2
)

// patience is how long an ordinary client may take nothing while it holds the
// container up. Only tests change it.
var patience = 30 * time.Second

// client is one connection of a daemon.
type client struct {
	s   *Supervisor
	fd  int
	in  []byte // the beginning of a frame
	out []byte // what the socket did not take yet
	off int    // how much of out is sent

	proc       *process // that it is attached to
	waits      *process // whose end it waits for
	stdin      bool
	streams    [3]bool // by stream number
	foreground bool    // attached before the start
	blocked    bool    // not read, because the process does not read its input
	broken     bool    // there is no memory for what it sends
	deaf       bool    // it takes nothing any more
	closing    bool    // to be closed when out is sent
	lag        loop.Timer
}

// Ready serves the connection.
func (c *client) Ready(events uint32) {
	if events&loop.Out != 0 && !c.flush() {
		c.gone()
		return
	}
	if events&(loop.In|loop.HangUp) != 0 && !c.read() {
		c.gone()
		return
	}
	c.s.maybeStop()
}

// read takes what has come; false when nothing more will.
func (c *client) read() bool {
	if c.fd < 0 {
		return true
	}
	if c.blocked {
		// It is gone and has left something to say, which there is no room for.
		return !c.hungUp() || c.linger()
	}
	buf := c.s.io()
	n, err := unix.Read(c.fd, buf)
	if err == unix.EAGAIN || err == unix.EINTR {
		return true
	}
	if n <= 0 || err != nil {
		return false
	}
	if len(c.in) == 0 {
		c.hold(c.take(buf[:n]))
	} else {
		c.hold(buf[:n])
		c.resume()
	}
	return c.fd < 0 || !c.broken
}

// hold keeps the beginning of a frame. It asks for the room of the whole at
// once, so that no copy of a secret is left behind.
func (c *client) hold(b []byte) {
	if c.fd < 0 || c.closing {
		return
	}
	if need := len(c.in) + len(b); need > cap(c.in) {
		if frame := wire.Size(c.in, b); frame > need {
			need = frame
		}
		bigger := take(need)
		if bigger == nil {
			c.broken = true
			return
		}
		bigger = append(bigger, c.in...)
		give(c.in)
		c.in = bigger
	}
	c.in = append(c.in, b...)
}

// maxLingering is how many clients may have gone with something left to say.
const maxLingering = 16

// linger keeps the connection of a client that is gone until there is room for
// what it has said; false when too many do that.
func (c *client) linger() bool {
	others := 0
	for _, other := range c.s.clients {
		if other.blocked && other.deaf {
			others++
		}
	}
	c.deaf = true
	c.dropOut()
	c.s.loop.Forget(c.fd)
	return others < maxLingering
}

// hungUp tells whether the other end is gone, without reading.
func (c *client) hungUp() bool {
	p := []unix.PollFd{{Fd: int32(c.fd)}}
	_, err := unix.Poll(p, 0)
	return err == nil && p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
}

// resume handles frames that are complete in c.in.
func (c *client) resume() {
	in := c.in
	rest := c.take(in)
	if c.fd < 0 || len(rest) == 0 {
		c.dropIn()
		return
	}
	c.in = in[:copy(in, rest)]
}

// take handles the complete frames of b and returns what is left.
func (c *client) take(b []byte) []byte {
	for c.fd >= 0 && !c.blocked && !c.closing {
		k, payload, n, err := wire.Split(b)
		if err != nil {
			c.fail(err.Error())
			return nil
		}
		if n == 0 {
			return b
		}
		c.handle(k, payload)
		b = b[n:]
	}
	if c.fd < 0 || c.closing {
		return nil
	}
	return b
}

// message sends a message.
func (c *client) message(k wire.Kind, payload []byte) {
	c.send(wire.AppendFrame(nil, k, payload))
}

// fail refuses what the client asked for, and ends the connection.
func (c *client) fail(why string) { c.refuse(&wire.Error{Message: why}) }

func (c *client) refuse(e *wire.Error) {
	c.message(wire.KindError, e.Append(nil))
	c.finish()
}

// send sends a frame, or keeps what the socket does not take.
func (c *client) send(frame []byte) {
	if c.fd < 0 || c.deaf {
		return
	}
	if c.pending() == 0 {
		n, err := unix.Write(c.fd, frame)
		if n > 0 {
			frame = frame[n:]
		}
		if err != nil && err != unix.EAGAIN && err != unix.EINTR {
			c.deaf = true // what it has said before it went is still heard
			return
		}
	}
	if len(frame) == 0 {
		return
	}
	c.keep(frame)
	c.watch()
}

// keep keeps what the socket did not take. More than there is room for is
// never asked of it, except by a client that asks without ever reading.
func (c *client) keep(b []byte) {
	if c.out == nil {
		c.out = take(room)
	}
	if len(c.out)+len(b) > cap(c.out) && c.off > 0 {
		c.out = c.out[:copy(c.out, c.out[c.off:])]
		c.off = 0
	}
	if len(c.out)+len(b) > cap(c.out) {
		c.s.complain("a client does not read; it is let go", nil)
		_ = unix.Shutdown(c.fd, unix.SHUT_RDWR) // the loop reports the hang-up
		return
	}
	c.out = append(c.out, b...)
}

func (c *client) dropOut() {
	give(c.out)
	c.out, c.off = nil, 0
}

func (c *client) dropIn() {
	give(c.in)
	c.in = nil
}

func (c *client) pending() int { return len(c.out) - c.off }

// flush sends what was kept; false when the connection is broken.
func (c *client) flush() bool {
	n, err := unix.Write(c.fd, c.out[c.off:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return true
	}
	if err != nil {
		c.deaf, n = true, c.pending()
	}
	c.off += n
	c.s.loop.Cancel(&c.lag)
	if c.pending() == 0 {
		c.dropOut()
		if c.closing {
			return false
		}
	}
	if c.proc != nil && c.pending() < low {
		c.proc.flow()
	} else {
		c.impatient()
	}
	c.watch()
	return true
}

// impatient lets an ordinary client go that holds others up and takes nothing.
func (c *client) impatient() {
	waited := c.pending() >= full || c.pending() > 0 && c.s.main.done
	if !waited || c.foreground {
		return
	}
	unread := c.unread()
	c.s.loop.After(&c.lag, patience, func() {
		// The loop hears of a client that takes little only when the socket has
		// become nearly empty.
		if c.unread() < unread {
			c.impatient()
			return
		}
		c.s.complain("a client took nothing for "+patience.String()+" and is let go", nil)
		c.gone()
	})
}

// unread is how much the other end has not taken from the socket.
func (c *client) unread() int {
	n, err := unix.IoctlGetInt(c.fd, unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// impatientOnce is impatient without beginning anew.
func (c *client) impatientOnce() {
	if !c.lag.Set() {
		c.impatient()
	}
}

// watch asks the loop for what the connection is waiting for.
func (c *client) watch() {
	var events uint32
	if !c.blocked && !c.closing {
		events |= loop.In
	}
	if c.pending() > 0 {
		events |= loop.Out
	}
	if c.fd < 0 {
		return
	}
	if err := c.s.loop.Watch(c.fd, events, c); err != nil {
		c.s.complain("watch a client", err)
	}
}

// finish closes the connection when everything is sent.
func (c *client) finish() {
	c.closing = true
	if c.pending() == 0 {
		c.close()
		return
	}
	c.impatient()
	c.watch()
}

// gone is the end of the connection from the other side.
func (c *client) gone() {
	wasControl := c == c.s.control
	c.close()
	if wasControl && !c.s.main.asked {
		c.s.vanish()
		return
	}
	c.s.maybeStop()
}

// close forgets the client.
func (c *client) close() {
	if c.fd < 0 {
		return
	}
	c.s.loop.Cancel(&c.lag)
	c.s.loop.Close(&c.fd)
	c.dropOut()
	c.in = nil
	c.s.clients = without(c.s.clients, c)
	if c == c.s.control {
		c.s.control = nil
	}
	if c.proc != nil {
		c.proc.detach(c)
	}
	if p := c.waits; p != nil {
		p.waiters = without(p.waiters, c)
		c.waits = nil
	}
}

// without removes c from a list of clients.
func without(list []*client, c *client) []*client {
	for i, other := range list {
		if other == c {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}
