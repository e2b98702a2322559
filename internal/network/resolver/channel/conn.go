package channel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Kind says what a message is.
type Kind byte

// The kinds.
const (
	Hello  Kind = 1
	Change Kind = 2
	Listen Kind = 3
	Stop   Kind = 4
	Quit   Kind = 5
	Socket Kind = 6
	Done   Kind = 7
	OK     Kind = 8
)

const (
	headerLen = 5
	// maxPayload is more than the table of 10,000 containers needs, in bytes.
	maxPayload = 32 << 20
	maxFiles   = 2
)

// ErrMessage means that the other end does not speak this protocol.
var ErrMessage = errors.New("malformed message between daemon and resolver")

// Conn carries messages. One goroutine may send while another one receives.
type Conn struct{ c *net.UnixConn }

// New makes a Conn of a connected stream socket.
func New(c *net.UnixConn) *Conn { return &Conn{c} }

// Close ends the connection.
func (c *Conn) Close() error { return c.c.Close() }

// SetDeadline bounds sending and receiving; the zero time lifts the bound.
func (c *Conn) SetDeadline(t time.Time) error { return c.c.SetDeadline(t) }

// PeerUID is the user at the other end.
func (c *Conn) PeerUID() (uint32, error) {
	raw, err := c.c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	cerr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(cerr, err); err != nil {
		return 0, err
	}
	return cred.Uid, nil
}

// Send sends a message with the descriptors of files, which stay the caller's.
func (c *Conn) Send(k Kind, payload []byte, files ...int) error {
	b := make([]byte, 0, headerLen+len(payload))
	b = binary.LittleEndian.AppendUint32(append(b, byte(k)), uint32(len(payload)))
	b = append(b, payload...)
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	n, _, err := c.c.WriteMsgUnix(b, rights, nil)
	if err == nil && n < len(b) {
		_, err = c.c.Write(b[n:])
	}
	return err
}

// Receive returns the next message. Its files are the caller's to close, also those of a message that is an error.
func (c *Conn) Receive() (k Kind, payload []byte, files []int, err error) {
	var head [headerLen]byte
	var oob [64]byte
	n, oobn, flags, _, err := c.c.ReadMsgUnix(head[:], oob[:])
	if err != nil {
		return 0, nil, nil, err
	}
	files, err = rights(oob[:oobn])
	if err != nil || flags&unix.MSG_CTRUNC != 0 || len(files) > maxFiles {
		return 0, nil, files, ErrMessage
	}
	if n == 0 {
		return 0, nil, files, io.EOF
	}
	if _, err := io.ReadFull(c.c, head[n:]); err != nil {
		return 0, nil, files, unexpected(err)
	}
	k, size := Kind(head[0]), binary.LittleEndian.Uint32(head[1:])
	if k == 0 || size > maxPayload {
		return 0, nil, files, ErrMessage
	}
	payload = make([]byte, size)
	if _, err := io.ReadFull(c.c, payload); err != nil {
		return 0, nil, files, unexpected(err)
	}
	return k, payload, files, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func rights(oob []byte) (files []int, err error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	for i := range messages {
		some, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, fmt.Errorf("%w: %w", ErrMessage, err)
		}
		files = append(files, some...)
	}
	return files, nil
}

// CloseFiles closes what came with a message.
func CloseFiles(files []int) {
	for _, fd := range files {
		_ = unix.Close(fd)
	}
}
