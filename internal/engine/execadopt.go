package engine

import (
	"context"
	"errors"
	"time"

	"github.com/bailey-run/bailey/internal/runtime"
)

// adoptExecs takes the execs of a container over from an earlier daemon. It
// comes before the container's last run is cleared away, with which goes what
// its supervisor has left about them.
func (e *Engine) adoptExecs(ctx context.Context, f finding) {
	for _, rec := range e.loadExecs(f.c.id()) {
		x := newExecution(f.c.id(), rec, f.run)
		if rec.Code != nil {
			if left := time.Until(rec.Ended.Add(execKept)); left > 0 {
				close(x.over)
				x.settled()
				e.keepExec(x)
				e.background(func(ctx context.Context) { e.forgetExecLater(ctx, x, left) })
			} else {
				e.forgetExec(x)
			}
			continue
		}
		e.keepExec(x)
		switch {
		case !rec.Begun:
			x.settled()
		case f.run == nil || f.status.State == runtime.Gone:
			x.settled()
			e.execEnded(x, lostExec)
		case f.status.State == runtime.Running:
			e.takeExec(x)
		default: // its container has ended, and it with it: that is on disk
			x.settled()
			exit, err := f.run.ExecWait(ctx, rec.ID)
			if err != nil {
				exit.Code = lostExec
			}
			e.execEnded(x, exit.Code)
		}
	}
}

// lostExec is the code of an exec whose end nobody saw.
const lostExec = 137

// takeExec follows an exec that may run on. Nobody can attach to it again, so
// that one which reads its standard input is told that this has ended.
func (e *Engine) takeExec(x *execution) {
	x.mu.Lock()
	x.running = true
	x.mu.Unlock()
	e.background(func(ctx context.Context) {
		if x.rec.Request.AttachStdin && !x.rec.Request.Tty {
			if s, err := x.run.Attach(ctx, runtime.AttachRequest{ExecID: x.rec.ID, Stdin: true}); err == nil {
				_ = s.CloseWrite()
				_ = s.Close()
			}
		}
		exit, err := x.run.ExecFollow(ctx, x.rec.ID, func(pid int) {
			x.mu.Lock()
			x.pid = pid
			x.mu.Unlock()
			x.settled()
		})
		if ctx.Err() != nil {
			return // the node stops; the process goes on
		}
		if errors.Is(err, runtime.ErrNoExec) { // the daemon died before it had asked for it
			x.mu.Lock()
			x.rec.Begun, x.running = false, false
			err := e.saveExec(x)
			x.mu.Unlock()
			x.settled()
			if err != nil {
				e.log.Warn("an exec that was not started can be asked about until the node stops", "error", err)
			}
			return
		}
		if err != nil {
			exit.Code = lostExec
		}
		e.execEnded(x, exit.Code)
		x.settled()
		e.forgetExecLater(ctx, x, execKept)
	})
}

// settled says that it is known how an adopted exec stands.
func (x *execution) settled() { x.once.Do(func() { close(x.known) }) }

// forgetExecLater forgets an exec after a while, unless the node stops: the
// next daemon goes on counting.
func (e *Engine) forgetExecLater(ctx context.Context, x *execution, after time.Duration) {
	select {
	case <-time.After(after):
		e.forgetExec(x)
	case <-ctx.Done():
	}
}
