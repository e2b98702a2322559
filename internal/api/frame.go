package api

import "encoding/binary"

// The streams of Docker's multiplexing.
const (
	streamStdout = 1
	streamStderr = 2
	streamSystem = 3 // what the server itself has to say
)

// frameHeader is how many bytes precede each payload: the stream, three zeros,
// and the payload's length, most significant byte first.
const frameHeader = 8

// appendFrame appends one frame to dst.
func appendFrame(dst []byte, stream byte, payload []byte) []byte {
	dst = append(dst, stream, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload)))
	return append(dst, payload...)
}
