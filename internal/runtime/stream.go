package runtime

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/wire"
)

// Stream is an attached session. One goroutine may read while another writes.
type Stream struct {
	conn *net.UnixConn
	r    *bufio.Reader
	buf  []byte

	mu     sync.Mutex
	out    []byte
	closed bool
}

// Attach opens a stream to the container or to one of its execs. A client that
// attaches before the start is waited for when it does not read; one that
// attaches later is let go after half a minute in which it holds the container
// up. The process's end is the stream's.
func (c *Container) Attach(ctx context.Context, req AttachRequest) (*Stream, error) {
	m := wire.Attach{ExecID: req.ExecID, Stdin: req.Stdin, Stdout: req.Stdout, Stderr: req.Stderr}
	conn, stop, err := c.request(ctx, wire.KindAttach, m.Append(nil))
	if err != nil {
		return nil, err
	}
	k, payload, err := wire.Read(conn, nil)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err == nil && k == wire.KindError {
		err = refusal(payload)
	}
	if err != nil {
		conn.Close()
		return nil, notRunning(err)
	}
	return &Stream{
		conn: conn, r: bufio.NewReaderSize(conn, wire.HeaderLen+wire.MaxData),
		buf: make([]byte, wire.MaxData),
	}, nil
}

// request connects to the supervisor and sends one frame. The connection
// breaks when ctx ends, until stop is called, which tells whether it has not.
func (c *Container) request(ctx context.Context, k wire.Kind, payload []byte) (conn *net.UnixConn, stop func() bool, err error) {
	if conn, err = dial(ctx, c.runDir); err != nil {
		return nil, nil, notRunning(err)
	}
	stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if _, err := conn.Write(wire.AppendFrame(nil, k, payload)); err != nil {
		stop()
		conn.Close()
		return nil, nil, notRunning(err)
	}
	return conn, stop, nil
}

// notRunning is ErrNotRunning for what a supervisor that is not there, or not
// any more, does to a connection; other errors stay as they are.
func notRunning(err error) error {
	for _, gone := range []error{io.EOF, io.ErrUnexpectedEOF, fs.ErrNotExist, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, gone) {
			return ErrNotRunning
		}
	}
	return err
}

// refusal is an error that the supervisor answered.
func refusal(payload []byte) error {
	m, err := wire.ParseError(payload)
	if err != nil {
		return err
	}
	return startError(m)
}

// ReadFrame returns the next piece of output and the stream it belongs to
// (1 stdout, 2 stderr; with a terminal everything is 1). The bytes are valid
// until the next call. io.EOF when the process has ended and all was read, a
// *StartError when it was not started at all, io.ErrUnexpectedEOF when the
// supervisor went away.
func (s *Stream) ReadFrame() (stream byte, payload []byte, err error) {
	for {
		k, p, err := wire.Read(s.r, s.buf)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, nil, err
		}
		switch k {
		case wire.KindStdout:
			return 1, p, nil
		case wire.KindStderr:
			return 2, p, nil
		case wire.KindExit:
			return 0, nil, io.EOF
		case wire.KindError:
			return 0, nil, refusal(p)
		}
	}
}

// Write sends to the standard input. It blocks while the process does not read.
func (s *Stream) Write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(p) > 0 {
		part := p[:min(len(p), wire.MaxData)]
		s.out = wire.AppendFrame(s.out[:0], wire.KindStdin, part)
		if _, err := s.conn.Write(s.out); err != nil {
			return n, err
		}
		n, p = n+len(part), p[len(part):]
	}
	return n, nil
}

// CloseWrite closes the standard input, when the container was made so or the
// process is an exec, and leaves the output open.
func (s *Stream) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.conn.Write(wire.AppendFrame(nil, wire.KindCloseStdin, nil))
	return err
}

// closeTimeout bounds saying goodbye to a supervisor that does not listen.
const closeTimeout = time.Second

// Close ends the session; the process goes on, without its standard input when
// the session held that and the container was made so.
func (s *Stream) Close() error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(closeTimeout)) // also ends a Write that waits
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	_, _ = s.conn.Write(wire.AppendFrame(nil, wire.KindDetach, nil))
	return s.conn.Close()
}
