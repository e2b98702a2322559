package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bailey-run/bailey/internal/engine/logfile"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/moby/moby/api/types/events"
)

// execFailure is the exit code that a command line shows for an exec that
// could not begin.
func execFailure(err error) int {
	var failed *runtime.StartError
	if errors.As(err, &failed) {
		return failed.Code
	}
	return 126
}

// Attach connects a client to a container's streams. A container that was
// created and not started gets its supervisor now, so that the client misses
// nothing of what follows.
func (e *Engine) Attach(ctx context.Context, ref string, r AttachRequest) (Attached, error) {
	c, err := e.find(ref)
	if err != nil {
		return Attached{}, err
	}
	rec := c.record()
	out := Attached{TTY: rec.Config.Tty}
	if !r.Stream {
		out.Stream = &replay{logs: func() (LogReader, error) { return e.logReader(ctx, c, replayRequest(r)) }}
		return out, nil
	}
	run, err := e.attachable(ctx, c)
	if err != nil {
		return Attached{}, err
	}
	s, err := run.Attach(ctx, runtime.AttachRequest{Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr})
	if err != nil {
		return Attached{}, fmt.Errorf("attach to container %s: %w", rec.Name, err)
	}
	e.emit(c, events.ActionAttach, nil)
	out.Stream = s
	if r.Stderr {
		hints := func() []string { return c.record().State.Hints }
		out.Stream = &explained{Stream: s, ended: run.ended, hints: hints, tty: out.TTY, closed: make(chan struct{})}
	}
	if r.Logs {
		out.Stream = &replay{Stream: out.Stream, logs: func() (LogReader, error) { return e.logReader(ctx, c, replayRequest(r)) }}
	}
	return out, nil
}

func (e *Engine) attachable(ctx context.Context, c *cont) (*run, error) {
	if r, err := c.running(); err == nil && r != nil {
		return r, nil
	}
	if err := c.lock(ctx); err != nil {
		return nil, err
	}
	defer c.unlock()
	if s := c.status(); s != store.Created && s != store.Exited {
		return c.running()
	}
	if err := e.prepare(ctx, c); err != nil {
		return nil, err
	}
	return c.current(), nil
}

// Resize sets the size of a container's terminal, in characters.
func (e *Engine) Resize(ctx context.Context, ref string, rows, cols uint16) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	r, err := c.running()
	if err != nil {
		return err
	}
	return r.Resize(ctx, "", rows, cols)
}

// Logs opens a container's log.
func (e *Engine) Logs(ctx context.Context, ref string, r LogsRequest) (LogReader, bool, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, false, err
	}
	reader, err := e.logReader(ctx, c, r)
	return reader, c.record().Config.Tty, err
}

func (e *Engine) logReader(ctx context.Context, c *cont, r LogsRequest) (LogReader, error) {
	var done <-chan struct{}
	follow := r.Follow
	if run := c.current(); run != nil {
		done = run.ended
	} else {
		follow = false
	}
	reader, err := logfile.Open(ctx, e.logPath(c.id()), logfile.Options{
		Follow: follow, Since: r.Since, Until: r.Until, Tail: r.Tail,
		Streams: [3]bool{false, r.Stdout, r.Stderr}, Done: done,
	})
	if err != nil {
		return nil, fmt.Errorf("logs of container %.12s: %w", c.id(), err)
	}
	out := logReader{Reader: reader}
	if r.Stderr {
		out.hints = func() []string { return c.record().State.Hints }
	}
	return &out, nil
}

func replayRequest(r AttachRequest) LogsRequest {
	return LogsRequest{Stdout: r.Stdout, Stderr: r.Stderr, Tail: -1, Until: time.Now()}
}

// logReader yields what was logged, and after it what explains the end.
type logReader struct {
	*logfile.Reader
	hints func() []string
	ended bool
	left  []string
}

// Next returns the next line.
func (l *logReader) Next() (LogLine, error) {
	if !l.ended {
		line, err := l.Reader.Next()
		if !errors.Is(err, io.EOF) || l.hints == nil {
			return LogLine(line), err
		}
		l.ended, l.left = true, l.hints()
	}
	if len(l.left) == 0 {
		return LogLine{}, io.EOF
	}
	text := l.left[0]
	l.left = l.left[1:]
	return LogLine{Stream: 2, Time: time.Now(), Text: []byte(text + "\n")}, nil
}

// replay is a stream that begins with what was logged before. Its Stream is
// nil when nothing is to follow.
type replay struct {
	Stream
	logs    func() (LogReader, error)
	reader  LogReader
	drained bool
}

// ReadFrame returns the logged lines first.
func (r *replay) ReadFrame() (byte, []byte, error) {
	if !r.drained {
		stream, text, err := r.logged()
		if !errors.Is(err, io.EOF) {
			return stream, text, err
		}
		r.drained = true
	}
	if r.Stream == nil {
		return 0, nil, io.EOF
	}
	return r.Stream.ReadFrame()
}

func (r *replay) logged() (byte, []byte, error) {
	if r.reader == nil {
		reader, err := r.logs()
		if err != nil {
			return 0, nil, err
		}
		r.reader = reader
	}
	line, err := r.reader.Next()
	return line.Stream, line.Text, err
}

// Write sends to the live stream, if there is one.
func (r *replay) Write(p []byte) (int, error) {
	if r.Stream == nil {
		return len(p), nil
	}
	return r.Stream.Write(p)
}

// CloseWrite closes the live standard input, if there is one.
func (r *replay) CloseWrite() error {
	if r.Stream == nil {
		return nil
	}
	return r.Stream.CloseWrite()
}

// Close ends both parts.
func (r *replay) Close() error {
	var err error
	if r.reader != nil {
		err = r.reader.Close()
	}
	if r.Stream != nil {
		err = errors.Join(err, r.Stream.Close())
	}
	return err
}
