package api

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/term"
	"golang.org/x/sys/unix"
)

// linger is how long a client gets to take leave after the last output.
const linger = 10 * time.Second

// session joins a client's connection with a stream of a container. Both
// directions end on their own: a client that closes its writing side closes the
// container's input and goes on reading; output that ends closes the client's
// reading side. A client that is gone altogether ends the session at once, even
// when the container is silent.
type session struct {
	conn   *hijacked
	stream engine.Stream
	tty    bool
	stdin  bool   // the client may write
	keys   []byte // that end the session; nil for none
	close  sync.Once
}

// run joins the two until both directions have ended or ctx has.
func (s *session) run(ctx context.Context) {
	defer s.end()
	defer func() { _ = s.conn.Close() }() // there is nobody left to tell
	stop := context.AfterFunc(ctx, func() {
		s.end()
		_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second)) // frees an output that is stuck in the client
	})
	defer stop()
	input := make(chan struct{})
	go func() {
		defer close(input)
		s.input()
	}()
	s.output()
	s.conn.closeWrite()
	_ = s.conn.SetReadDeadline(time.Now().Add(linger)) // the input ends then at the latest
	<-input
}

// end closes the stream, once.
func (s *session) end() { s.close.Do(func() { _ = s.stream.Close() }) }

// output sends what the container writes until it ends or the client is gone.
func (s *session) output() {
	var buf []byte
	for {
		stream, payload, err := s.stream.ReadFrame()
		if err != nil {
			return // io.EOF, or the stream was closed under us
		}
		if s.tty {
			_, err = s.conn.Write(payload)
		} else {
			buf = appendFrame(buf[:0], stream, payload)
			_, err = s.conn.Write(buf)
		}
		if err != nil {
			s.end()
			return
		}
	}
}

// input hands what the client writes to the container.
func (s *session) input() {
	var from io.Reader = s.conn.in
	if s.keys != nil && s.tty {
		from = term.NewEscapeProxy(from, s.keys)
	}
	var to io.Writer = io.Discard
	if s.stdin {
		to = s.stream
	}
	_, err := io.Copy(to, from)
	var detach term.EscapeError
	switch {
	case errors.As(err, &detach):
		s.end()
		return
	case err != nil && s.stdin:
		_, err = io.Copy(io.Discard, from) // the container takes no more; the client's leave still counts
	}
	if err == nil && s.stdin {
		_ = s.stream.CloseWrite() // what remains is the output, which shows what is wrong
	}
	if err == nil {
		_ = s.awaitHangup() // however it returns, the client is gone or will not be heard of any more
	}
	s.end()
}

// awaitHangup returns when the client has closed both directions. End of file
// alone does not tell: it also says that the client has nothing more to write.
func (s *session) awaitHangup() error {
	sc, ok := s.conn.Conn.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	// The runtime's poller wakes us at each change of the socket; poll(2) says which.
	return raw.Read(func(fd uintptr) bool {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(fds, 0)
		return err != nil && err != unix.EINTR || n > 0 && fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
	})
}
