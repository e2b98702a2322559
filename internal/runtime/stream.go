package runtime

// Stream is an attached session. One goroutine may read while another writes.
type Stream struct{}

// ReadFrame returns the next piece of output and the stream it belongs to
// (1 stdout, 2 stderr; with a terminal everything is 1). The bytes are valid
// until the next call. io.EOF when the process has ended and all was read.
func (s *Stream) ReadFrame() (stream byte, payload []byte, err error) { return 0, nil, errUnwritten }

// Write sends to the standard input. It blocks while the process does not read.
func (s *Stream) Write(p []byte) (int, error) { return 0, errUnwritten }

// CloseWrite closes the standard input and leaves the output open.
func (s *Stream) CloseWrite() error { return errUnwritten }

// Close ends the session; the process goes on.
func (s *Stream) Close() error { return nil }
