package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// Signal sends a signal to the main process. ErrNotRunning when it has ended.
func (c *Container) Signal(_ context.Context, sig syscall.Signal) error {
	c.mu.Lock()
	m := c.started
	c.mu.Unlock()
	if m == nil || c.ended() {
		return ErrNotRunning
	}
	return signalProcess(m, sig)
}

// SignalExec sends a signal to an exec's process.
func (c *Container) SignalExec(ctx context.Context, execID string, sig syscall.Signal) error {
	m := wire.Wait{ExecID: execID}
	conn, stop, err := c.request(ctx, wire.KindWait, m.Append(nil))
	if err != nil {
		return err
	}
	defer conn.Close()
	started, err := readStarted(ctx, conn, stop)
	var refused *StartError
	if errors.As(err, &refused) {
		return fmt.Errorf("%w: %s", ErrNoExec, refused.Message)
	}
	if err != nil {
		return err
	}
	return signalProcess(started, sig)
}

// signalProcess signals the very process that was started, not one that got
// its number later: the descriptor holds a process, and the time of its start
// tells whether it is the right one.
func signalProcess(m *wire.Started, sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(m.Pid, 0)
	if err == unix.ESRCH {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("find process %d: %w", m.Pid, err)
	}
	defer unix.Close(fd)
	if !alive(m.Pid, m.Ticks) {
		return ErrNotRunning
	}
	err = unix.PidfdSendSignal(fd, sig, nil, 0)
	if err == unix.ESRCH {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(sig), m.Pid, err)
	}
	return nil
}

// alive tells whether the process that was started ticks after boot is there
// and has not ended. A process whose first thread has ended looks like one that
// has ended, but for the number of its threads.
func alive(pid int, ticks uint64) bool {
	fields := stat(pid)
	if fields == nil {
		return false
	}
	threads, err := strconv.Atoi(string(fields[20-3]))
	ended := fields[0][0] == 'Z' || fields[0][0] == 'X'
	return err == nil && string(fields[22-3]) == strconv.FormatUint(ticks, 10) && (!ended || threads > 1)
}

// exiting tells whether a process's first thread is ending (PF_EXITING of the
// kernel's flags).
func exiting(pid int) bool {
	const pfExiting = 0x4
	fields := stat(pid)
	if fields == nil {
		return true
	}
	flags, err := strconv.ParseUint(string(fields[9-3]), 10, 64)
	return err == nil && flags&pfExiting != 0
}

// stat is proc_pid_stat(5) of a process from field 3 on: they are counted behind
// the name, which may hold anything. nil when there is no such process.
func stat(pid int) [][]byte {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 20 {
		return nil
	}
	return fields
}
