package runtime

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// Adopt finds a container again that another daemon prepared. The container is
// never nil when the error is: what Delete and Kill need is there for every
// state. A container whose start is under way is waited for. One whose
// supervisor is lost is being killed when Adopt returns, and Wait tells when
// that is done.
func (r *Runtime) Adopt(ctx context.Context, id, runDir, containerDir string) (*Container, Status, error) {
	c := newContainer(r, id, runDir, containerDir)
	conn, err := dial(ctx, runDir)
	if err != nil {
		return c, c.remains(), nil
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	status, err := c.ask(conn)
	if err == nil {
		return c, status, nil
	}
	conn.Close()
	if ctx.Err() != nil {
		return nil, Status{}, context.Cause(ctx)
	}
	// The supervisor is going: its container was never started, or has just ended.
	waitUnlocked(ctx, runDir)
	return c, c.remains(), ctx.Err()
}

// ask hears from the supervisor what the container is doing.
func (c *Container) ask(conn *net.UnixConn) (Status, error) {
	if _, err := conn.Write(wire.AppendFrame(nil, wire.KindWait, nil)); err != nil {
		return Status{}, err
	}
	k, payload, err := wire.Read(conn, nil)
	if err != nil {
		return Status{}, err
	}
	switch k {
	case wire.KindStarted:
		m, err := wire.ParseStarted(payload)
		if err != nil {
			return Status{}, err
		}
		c.started, c.supervisorPid = &m, m.Supervisor
		go c.watch(conn)
		return Status{State: Running, Started: c.startedFor(&m, nil)}, nil
	case wire.KindExit:
		m, err := wire.ParseExit(payload)
		if err != nil {
			return Status{}, err
		}
		conn.Close()
		c.end(exitOf(m))
		return Status{State: Exited, Exit: c.exit}, nil
	}
	return Status{}, wire.ErrFrame
}

// remains judges a container without a supervisor by what is left of it.
func (c *Container) remains() Status {
	if e, ok := c.recordedExit(); ok {
		c.end(e)
		return Status{State: Exited, Exit: e}
	}
	killRuntimes(c.runDir)
	state := readRecord(c.statePath())
	pids, _ := c.r.cgroups.Pids(c.id)
	if state != nil && state.Boot == bootID() || len(pids) > 0 {
		c.losing = true
		go c.lost()
		return Status{State: SupervisorLost}
	}
	return Status{State: Gone}
}

// waitUnlocked returns when the supervisor that holds the lock of a run
// directory has ended, or when ctx has.
func waitUnlocked(ctx context.Context, runDir string) {
	f, err := os.OpenFile(filepath.Join(runDir, lockName), os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	free := make(chan struct{})
	go func() {
		defer f.Close()
		defer close(free)
		for errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH), unix.EINTR) {
		}
	}()
	select {
	case <-free:
	case <-ctx.Done():
	}
}
