package runtime

import (
	"bufio"
	"context"
	"net"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/wire"
)

// How long killing a container may take before it is tried again, and the
// pause between.
const (
	killTimeout = 30 * time.Second
	killPause   = time.Second
)

// watch waits for the end on the connection to the supervisor.
func (c *Container) watch(conn *net.UnixConn) {
	m, err := readExit(conn, func(wire.Started) {})
	conn.Close()
	c.reap()
	if err != nil {
		c.lost()
		return
	}
	e := exitOf(m)
	if !e.OOM { // the supervisor does not know every place where groups can be
		e.OOM, _ = c.r.cgroups.OOMKilled(c.id)
	}
	c.end(e)
}

// readExit reads until the message about the end.
func readExit(conn *net.UnixConn, started func(wire.Started)) (wire.Exit, error) {
	r := bufio.NewReaderSize(conn, 512)
	for {
		k, payload, err := wire.Read(r, nil)
		if err != nil {
			return wire.Exit{}, err
		}
		switch k {
		case wire.KindStarted:
			m, err := wire.ParseStarted(payload)
			if err != nil {
				return wire.Exit{}, err
			}
			started(m)
		case wire.KindExit:
			return wire.ParseExit(payload)
		case wire.KindError:
			m, err := wire.ParseError(payload)
			if err != nil {
				return wire.Exit{}, err
			}
			return wire.Exit{}, startError(m)
		}
	}
}

func exitOf(m wire.Exit) Exit {
	return Exit{Code: m.Code, Signal: syscall.Signal(m.Signal), OOM: m.OOM, At: time.Unix(0, m.At), Reason: m.Reason}
}

// end publishes how the container ended.
func (c *Container) end(e Exit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended() {
		c.exit = e
		close(c.done)
	}
}

// lost deals with a supervisor that went without a word. Either it had just
// recorded the end; or it was killed, and then the container, which nobody
// watches any more, is killed too.
func (c *Container) lost() {
	c.mu.Lock()
	c.supervisorPid = 0
	c.mu.Unlock()
	if e, ok := c.recordedExit(); ok {
		c.end(e)
		return
	}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
		err := c.killRest(ctx)
		cancel()
		if err == nil {
			break
		}
		c.r.opts.Log.Error("a container whose supervisor was killed cannot be killed; trying again", "container", c.id, "error", err)
		time.Sleep(killPause)
	}
	oom, _ := c.r.cgroups.OOMKilled(c.id)
	e := Exit{Code: 128 + int(syscall.SIGKILL), Signal: syscall.SIGKILL, OOM: oom, At: time.Now(), Reason: ReasonSupervisorLost}
	if err := c.recordLoss(e); err != nil {
		c.r.opts.Log.Error("the end of a container cannot be recorded", "container", c.id, "error", err)
	}
	c.end(e)
}
