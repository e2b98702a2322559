package wire

import (
	"encoding/binary"
	"errors"
	"io"
)

// Kind says what a frame holds.
type Kind byte

// The kinds. Those of a client come first.
const (
	KindStart      Kind = 1
	KindWait       Kind = 2
	KindAttach     Kind = 3
	KindExec       Kind = 4
	KindResize     Kind = 5
	KindStdin      Kind = 6 // raw bytes for the standard input
	KindCloseStdin Kind = 7 // the client's standard input has ended
	KindDetach     Kind = 8 // the client goes away on purpose

	KindOK      Kind = 32
	KindError   Kind = 33
	KindStarted Kind = 34
	KindExit    Kind = 35
	KindStdout  Kind = 36 // raw bytes
	KindStderr  Kind = 37 // raw bytes
)

// The bounds of one frame. MaxData is for the raw kinds.
const (
	HeaderLen  = 5
	MaxData    = 32 << 10
	MaxMessage = 8 << 20
)

// ErrFrame means that the other end does not speak this protocol.
var ErrFrame = errors.New("malformed frame on the supervisor's socket")

// AppendHeader appends the header of a frame with n bytes of payload.
func AppendHeader(dst []byte, k Kind, n int) []byte {
	dst = append(dst, byte(k))
	return binary.LittleEndian.AppendUint32(dst, uint32(n))
}

// AppendFrame appends a whole frame.
func AppendFrame(dst []byte, k Kind, payload []byte) []byte {
	return append(AppendHeader(dst, k, len(payload)), payload...)
}

func limit(k Kind) uint32 {
	switch k {
	case KindStdin, KindStdout, KindStderr:
		return MaxData
	}
	return MaxMessage
}

// Split cuts the first frame off buf. n is its whole length, 0 when buf does
// not hold all of it yet. The payload points into buf.
func Split(buf []byte) (k Kind, payload []byte, n int, err error) {
	if len(buf) < HeaderLen {
		return 0, nil, 0, nil
	}
	k = Kind(buf[0])
	size := binary.LittleEndian.Uint32(buf[1:])
	if k == 0 || size > limit(k) {
		return 0, nil, 0, ErrFrame
	}
	n = HeaderLen + int(size)
	if len(buf) < n {
		return 0, nil, 0, nil
	}
	return k, buf[HeaderLen:n], n, nil
}

// Size is the length of the frame that begins in a and goes on in b, as far as
// that can be told; 0 when it is malformed.
func Size(a, b []byte) int {
	var head [HeaderLen]byte
	n := copy(head[:], a)
	n += copy(head[n:], b)
	if n < HeaderLen {
		return HeaderLen
	}
	k, size := Kind(head[0]), binary.LittleEndian.Uint32(head[1:])
	if k == 0 || size > limit(k) {
		return 0
	}
	return HeaderLen + int(size)
}

// Read reads one frame; buf is used for the payload when it is large enough.
func Read(r io.Reader, buf []byte) (Kind, []byte, error) {
	var head [HeaderLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	k := Kind(head[0])
	size := binary.LittleEndian.Uint32(head[1:])
	if k == 0 || size > limit(k) {
		return 0, nil, ErrFrame
	}
	if int(size) > cap(buf) {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	if _, err := io.ReadFull(r, buf); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return k, buf, nil
}
