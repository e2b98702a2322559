package supervise

import (
	"time"

	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// output is one stream of a process: the reading end of a pipe, or the master
// of a terminal.
type output struct {
	p      *process
	fd     int
	stream byte // 1 or 2
	fresh  bool // something came since it was last looked
}

// flow reads the outputs when there is room for what they give, and stops
// reading them when an attached client has enough to do.
func (p *process) flow() {
	if !p.running || p.done {
		return
	}
	for i := range p.outs {
		o := &p.outs[i]
		if o.fd < 0 {
			continue
		}
		if p.crowded(o.stream) {
			p.s.loop.Forget(o.fd)
		} else if err := p.s.loop.Watch(o.fd, loop.In, o); err != nil {
			p.s.complain("read a container's output", err)
			o.close()
		}
	}
}

// crowded tells whether a client cannot take more of a stream. At the end
// nobody is waited for: what can come is bounded by the pipe.
func (p *process) crowded(stream byte) bool {
	if p.over {
		return false
	}
	for _, c := range p.clients {
		if c.streams[stream] && c.pending() >= full {
			return true
		}
	}
	return false
}

// Ready passes one piece of output on.
func (o *output) Ready(uint32) {
	buf := o.p.s.io()
	n, err := unix.Read(o.fd, buf[wire.HeaderLen:wire.HeaderLen+wire.MaxData])
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if n <= 0 || err != nil {
		// A terminal that nobody has open any more says EIO.
		o.close()
		o.p.wait()
		return
	}
	o.fresh = true
	o.pass(buf[:wire.HeaderLen+n])
}

// pass hands a piece to the log and to the clients. There is room for the
// frame's header before the piece.
func (o *output) pass(frame []byte) {
	p := o.p
	if p.log != nil {
		p.log.Write(o.stream, frame[wire.HeaderLen:], time.Now())
	}
	if p.done || len(p.clients) == 0 {
		return
	}
	kind := wire.KindStdout + wire.Kind(o.stream-1)
	wire.AppendHeader(frame[:0], kind, len(frame)-wire.HeaderLen)
	crowd := false
	for _, c := range p.clients {
		if !c.streams[o.stream] || p.over && c.pending() >= 2*full {
			continue
		}
		c.send(frame)
		if c.pending() >= full {
			crowd = true
			c.impatientOnce()
		}
	}
	if crowd {
		p.flow()
	}
}

// close ends the stream.
func (o *output) close() {
	if o.fd >= 0 && o.p.log != nil {
		o.p.log.End(o.stream, time.Now())
	}
	o.p.s.loop.Close(&o.fd)
}

// settle is called at the process's end. What an exec left behind goes on to
// be read, to nowhere, so that it does not die of a broken pipe.
func (o *output) settle() {
	if o.fd < 0 {
		return
	}
	if o.p.id == "" {
		o.close()
		return
	}
	_ = o.p.s.loop.Watch(o.fd, loop.In, o)
}
