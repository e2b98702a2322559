package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// Compression is how a layer or an archive is compressed.
type Compression string

// The compressions that are understood. All are undone in this process: no program is executed for it.
const (
	None Compression = "none"
	Gzip Compression = "gzip"
	Zstd Compression = "zstd"
)

// maxWindow bounds the memory of the zstd decoder, in bytes (RFC 8878, 3.1.1.1.2: decoders should support 8 MiB).
const maxWindow = 128 << 20

// magics are the first bytes of compressed data. Those without a Compression are refused by name.
var magics = []struct {
	prefix []byte
	name   string
	known  Compression
}{
	{[]byte{0x1f, 0x8b}, "gzip", Gzip},
	{[]byte{0x28, 0xb5, 0x2f, 0xfd}, "zstd", Zstd},
	{[]byte{0xfd, '7', 'z', 'X', 'Z', 0}, "xz", ""},
	{[]byte("BZh"), "bzip2", ""},
	{[]byte{0x04, 0x22, 0x4d, 0x18}, "lz4", ""},
	{[]byte{0x5d, 0, 0}, "lzma", ""},
	{[]byte("PK\x03\x04"), "zip", ""},
}

// Ratio bounds how far data may expand, to stop decompression bombs.
type Ratio struct {
	// Max is the most bytes out per byte in, once more than Free bytes came out.
	Max, Free int64
}

// Decompress undoes the compression that the data itself tells, and reports which. It refuses what would need another
// program (xz, bzip2, lz4, lzma, zip) and what expands beyond the ratio.
func Decompress(r io.Reader, ratio Ratio) (io.ReadCloser, Compression, error) {
	in := &counter{r: r}
	buf := bufio.NewReaderSize(in, blockSize)
	kind, err := sniff(buf)
	if err != nil {
		return nil, "", err
	}
	out := &bounded{in: in, ratio: ratio, kind: kind}
	switch kind {
	case Gzip:
		z, err := gzip.NewReader(buf)
		if err != nil {
			return nil, "", hostile.Refuse("gzip-malformed", "", "the gzip header is broken: %v", err)
		}
		out.Reader, out.close = z, func() { _ = z.Close() }
	case Zstd:
		z, err := zstd.NewReader(buf, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			return nil, "", fmt.Errorf("start zstd: %w", err)
		}
		out.Reader, out.close = z, z.Close
	default:
		return io.NopCloser(buf), None, nil
	}
	return out, kind, nil
}

// Sniff tells how the data is compressed and whether it could be a layer (it is compressed, or a tar), and returns a reader
// that still begins at its beginning.
func Sniff(r io.Reader) (kind Compression, layer bool, whole io.Reader, err error) {
	buf := bufio.NewReaderSize(r, 512) // larger reads go past it
	kind, err = sniff(buf)
	head, _ := buf.Peek(262)
	layer = kind != None || len(head) == 262 && string(head[257:262]) == "ustar"
	return kind, layer, buf, err
}

// sniff looks at the first bytes.
func sniff(r *bufio.Reader) (Compression, error) {
	head, err := r.Peek(10)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	for _, m := range magics {
		if !bytes.HasPrefix(head, m.prefix) {
			continue
		}
		if m.known == "" {
			return "", hostile.Refuse("compression-unsupported", "", "the data is compressed with %s, which is not unpacked here (gzip and zstd are): decompress it first, for example with `%s -dc FILE`", m.name, m.name)
		}
		return m.known, nil
	}
	return None, nil
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

// Read counts.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded is decompressed data that may not expand without limit.
type bounded struct {
	io.Reader
	close func()
	in    *counter
	out   int64
	ratio Ratio
	kind  Compression
}

// Read refuses bombs and broken data.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.out += int64(n)
	if b.ratio.Max > 0 && b.out > b.ratio.Free && b.out/b.ratio.Max > b.in.n {
		return 0, hostile.Refuse("decompression-bomb", "", "%d bytes of %s expand to more than %d times as much", b.in.n, b.kind, b.ratio.Max)
	}
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, b.broken(err)
	}
	return n, err
}

// broken tells an error of the data from one of its source.
func (b *bounded) broken(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return hostile.Refuse(string(b.kind)+"-truncated", "", "the %s data ends in the middle", b.kind)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, zstd.ErrMagicMismatch),
		errors.Is(err, zstd.ErrCRCMismatch), errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return hostile.Refuse(string(b.kind)+"-malformed", "", "the %s data is broken: %v", b.kind, err)
	}
	return fmt.Errorf("%s data: %w", b.kind, err)
}

// Close frees the decoder.
func (b *bounded) Close() error {
	b.close()
	return nil
}
