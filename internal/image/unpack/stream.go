package unpack

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// Size and number of the blocks between the reading and the writing side of a layer: 4 MiB in flight.
const (
	blockSize  = 256 << 10
	blockCount = 16
)

// blocks is reused by all layers.
var blocks = sync.Pool{New: func() any { b := make([]byte, blockSize); return &b }}

// stream reads ahead from a source in a goroutine of its own and hashes what it reads, so that decompression and hashing run
// beside the writing of files. It must be closed.
type stream struct {
	full   chan []byte
	cancel context.CancelFunc
	done   chan struct{}
	err    error // of the source; valid once full is closed
	failed error // what Read returned other than io.EOF: the source's fault, not the format's
	sum    hash.Hash
	read   int64 // bytes from the source, at most limit
	limit  int64
	block  []byte
	rest   []byte
}

// newStream starts reading at most limit bytes from r, and hashes them unless plain is set. Cancelling ctx ends it at the next
// block.
func newStream(ctx context.Context, r io.Reader, limit int64, plain bool) *stream {
	ctx, cancel := context.WithCancel(ctx)
	s := &stream{full: make(chan []byte, blockCount), cancel: cancel, done: make(chan struct{}), sum: sha256.New(), limit: limit}
	if plain {
		s.sum = nil
	}
	go s.pump(ctx, r)
	return s
}

// pump is the reading side.
func (s *stream) pump(ctx context.Context, r io.Reader) {
	defer close(s.done)
	defer close(s.full)
	for s.err == nil {
		if s.err = ctx.Err(); s.err != nil {
			return
		}
		block := *blocks.Get().(*[]byte)
		n := 0
		// Not io.ReadFull: it cannot tell a source that ends early from one that was cut off.
		for n < len(block) && s.err == nil {
			var m int
			m, s.err = r.Read(block[n:])
			n += m
		}
		if s.read += int64(n); s.read > s.limit {
			s.err = hostile.Refuse("layer-too-large", "", "the layer unpacks to more than %d bytes", s.limit)
			return
		}
		if s.sum != nil {
			s.sum.Write(block[:n])
		}
		select {
		case s.full <- block[:n]:
		case <-ctx.Done():
			s.err = ctx.Err()
		}
	}
}

// Read gives what was read ahead.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		s.recycle()
		block, ok := <-s.full
		if !ok {
			if s.err != io.EOF {
				s.failed = s.err
			}
			return 0, s.err
		}
		s.block, s.rest = block, block
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// recycle gives a block that was read to its end back.
func (s *stream) recycle() {
	if s.block != nil {
		b := s.block[:blockSize]
		blocks.Put(&b)
		s.block = nil
	}
}

// digest is that of the whole source; valid after Read has returned io.EOF, empty when nothing was hashed.
func (s *stream) digest() digest.Digest {
	if s.sum == nil {
		return ""
	}
	return digest.NewDigest(digest.SHA256, s.sum)
}

// Close ends the reading side and waits for it.
func (s *stream) Close() {
	s.cancel()
	for block := range s.full {
		b := block[:blockSize]
		blocks.Put(&b)
	}
	<-s.done
	s.recycle()
}
