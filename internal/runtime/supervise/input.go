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
	early   bool // a client ended it before the process ran
	ending  bool // close when the queue is empty
	blocked []*client
}

// write passes on what a client sent.
func (in *input) write(c *client, b []byte) {
	if in.ending || in.p.over {
		return
	}
	if len(in.queue) == 0 {
		b = in.put(b)
	}
	if len(b) == 0 {
		return
	}
	in.queue = append(in.queue, b...)
	in.watch()
	if len(in.queue) >= inputMax && !c.blocked {
		c.blocked = true
		c.watch()
		in.blocked = append(in.blocked, c)
	}
}

// put writes what the process takes now, and returns the rest.
func (in *input) put(b []byte) []byte {
	if in.fd < 0 || !in.p.running {
		return b
	}
	for len(b) > 0 {
		n, err := unix.Write(in.fd, b)
		if err == unix.EAGAIN || err == unix.EINTR {
			break
		}
		if err != nil { // it has closed its input
			in.abandon()
			return nil
		}
		b = b[n:]
	}
	return b
}

// Ready goes on writing.
func (in *input) Ready(uint32) { in.flush() }

// flush writes what is queued.
func (in *input) flush() {
	if in.fd < 0 || !in.p.running {
		return
	}
	rest := in.put(in.queue)
	if in.fd < 0 {
		return
	}
	in.queue = in.queue[:copy(in.queue, rest)]
	in.watch()
	if len(in.queue) == 0 && in.ending {
		in.close()
	}
	if len(in.queue) < inputMax/2 {
		in.release()
	}
}

// watch waits for room when something is queued.
func (in *input) watch() {
	if in.fd < 0 || !in.p.running {
		return
	}
	if len(in.queue) == 0 {
		in.queue = nil
		in.p.s.loop.Forget(in.fd)
	} else if err := in.p.s.loop.Watch(in.fd, loop.Out, in); err != nil {
		in.p.s.complain("write a container's input", err)
		in.abandon()
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
