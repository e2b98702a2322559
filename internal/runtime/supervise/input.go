package supervise

import (
	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"golang.org/x/sys/unix"
)

// inputMax is how much input is kept for a process that does not read it.
// Clients that have more are not read until there is room.
const inputMax = 64 << 10

// input is the standard input of a process.
type input struct {
	p       *process
	fd      int // writing end of the pipe, or a copy of the terminal's master
	tty     bool
	queue   []byte
	ending  bool // close when the queue is empty
	blocked []*client
}

// write passes on what a client sent.
func (in *input) write(c *client, b []byte) {
	if in.ending || in.p.over {
		return
	}
	in.queue = append(in.queue, b...)
	in.flush()
	if len(in.queue) >= inputMax && !c.blocked {
		c.blocked = true
		c.watch()
		in.blocked = append(in.blocked, c)
	}
}

// Ready goes on writing.
func (in *input) Ready(uint32) { in.flush() }

// flush writes what the process takes.
func (in *input) flush() {
	if in.fd < 0 || !in.p.running {
		return
	}
	for len(in.queue) > 0 {
		n, err := unix.Write(in.fd, in.queue)
		if err == unix.EAGAIN || err == unix.EINTR {
			break
		}
		if err != nil { // it has closed its input
			in.abandon()
			return
		}
		in.queue = in.queue[:copy(in.queue, in.queue[n:])]
	}
	if len(in.queue) == 0 {
		in.queue = nil
		in.p.s.loop.Forget(in.fd)
		if in.ending {
			in.close()
		}
	} else if err := in.p.s.loop.Watch(in.fd, loop.Out, in); err != nil {
		in.abandon()
		return
	}
	if len(in.queue) < inputMax/2 {
		in.release()
	}
}

// end closes the input after what is queued. A terminal has no such end: it
// stays open as long as the process.
func (in *input) end() {
	if in.tty {
		return
	}
	in.ending = true
	in.flush()
}

// abandon drops what is queued: nobody will read it.
func (in *input) abandon() {
	in.queue, in.ending = nil, true
	in.close()
	in.release()
}

// close closes the input.
func (in *input) close() { in.p.s.loop.Close(&in.fd) }

// release goes on reading the clients that had too much.
func (in *input) release() {
	clients := in.blocked
	in.blocked = nil
	for _, c := range clients {
		if c.fd >= 0 {
			c.blocked = false
			c.resume()
			c.watch()
		}
	}
}
