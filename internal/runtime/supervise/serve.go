package supervise

import (
	"github.com/bailey-run/bailey/internal/runtime/wire"
)

// handle carries out one frame.
func (c *client) handle(k wire.Kind, payload []byte) {
	var err error
	switch {
	case c.waits != nil:
		err = wire.ErrFrame // it has nothing more to say
	case c.proc != nil:
		err = c.input(k, payload)
	case k == wire.KindStart && c == c.s.control && !c.s.main.asked:
		err = c.s.begin(c, payload)
	case k == wire.KindWait:
		err = c.wait(payload)
	case k == wire.KindAttach:
		err = c.attach(payload)
	case k == wire.KindExec:
		err = c.s.exec(c, payload)
	case k == wire.KindResize:
		err = c.resize(payload)
	default:
		err = wire.ErrFrame
	}
	if err != nil {
		c.fail(err.Error())
	}
}

// input takes what an attached client sends.
func (c *client) input(k wire.Kind, payload []byte) error {
	switch k {
	case wire.KindStdin:
		if c.stdin {
			c.proc.stdin.write(c, payload)
		}
	case wire.KindCloseStdin:
		c.endInput()
	case wire.KindDetach:
		c.endInput()
		c.close()
	default:
		return wire.ErrFrame
	}
	return nil
}

func (c *client) endInput() {
	if c.stdin {
		c.proc.inputEnded()
	}
	c.stdin = false
}

// attach connects the client with a process, also with one that is to come.
func (c *client) attach(payload []byte) error {
	m, err := wire.ParseAttach(payload)
	if err != nil {
		return err
	}
	p := c.s.find(m.ExecID)
	if p == nil {
		if c.s.result(m.ExecID) != nil {
			return errEnded
		}
		if p, err = c.s.pendingExec(m.ExecID); err != nil {
			return err
		}
	}
	c.proc, c.stdin = p, m.Stdin
	c.streams[1], c.streams[2] = m.Stdout, m.Stderr
	c.foreground = !p.running
	p.clients = append(p.clients, c)
	c.message(wire.KindOK, nil)
	if p.done {
		p.dismiss(c)
	}
	return nil
}

// wait tells the client when a process has started and when it has ended.
func (c *client) wait(payload []byte) error {
	m, err := wire.ParseWait(payload)
	if err != nil {
		return err
	}
	if r := c.s.result(m.ExecID); r != nil {
		c.message(wire.KindExit, r.exit.Append(nil))
		c.finish()
		return nil
	}
	p := c.s.find(m.ExecID)
	if p == nil {
		return errNoExec
	}
	if p.done {
		c.message(wire.KindExit, p.exit.Append(nil))
		c.finish()
		return nil
	}
	if p.running {
		c.message(wire.KindStarted, p.started().Append(nil))
	}
	p.waiters = append(p.waiters, c)
	c.waits = p
	return nil
}

func (c *client) resize(payload []byte) error {
	m, err := wire.ParseResize(payload)
	if err != nil {
		return err
	}
	p := c.s.find(m.ExecID)
	if p == nil {
		return errNoExec
	}
	if p.asked && !p.terminal {
		return errNoTerminal
	}
	p.rows, p.cols = m.Rows, m.Cols
	p.size()
	c.message(wire.KindOK, nil)
	c.finish()
	return nil
}
