package engine

import (
	"errors"
	"io"
	"sync"
	"time"
)

// lastWordWithin is how long the end of a container's streams waits for its end to be recorded, which follows at once, but for
// a disk that is slow to take it.
const lastWordWithin = 10 * time.Second

// explained is a container's stream at whose end people are told, on its
// standard error, why it was ended or what a default of Bailey's refused.
type explained struct {
	Stream
	ended  <-chan struct{} // closed when the end is recorded
	hints  func() []string
	tty    bool
	closed chan struct{}
	once   sync.Once
	asked  bool
	left   []string
}

// ReadFrame returns what the container writes, and then the explanation.
func (s *explained) ReadFrame() (byte, []byte, error) {
	if !s.asked {
		stream, text, err := s.Stream.ReadFrame()
		if !errors.Is(err, io.EOF) {
			return stream, text, err
		}
		s.asked = true
		select {
		case <-s.ended:
			s.left = s.hints()
		case <-s.closed:
		case <-time.After(lastWordWithin): // not recorded: the exit status is told without a reason
		}
	}
	if len(s.left) == 0 {
		return 0, nil, io.EOF
	}
	text := s.left[0] + "\n"
	if s.tty {
		text = s.left[0] + "\r\n"
	}
	s.left = s.left[1:]
	return 2, []byte(text), nil
}

// Close ends the stream, and the waiting for what may follow it.
func (s *explained) Close() error {
	s.once.Do(func() { close(s.closed) })
	return s.Stream.Close()
}
