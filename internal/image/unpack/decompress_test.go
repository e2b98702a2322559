package unpack

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// decompress reads everything, with a ratio of 200 beyond 1 MiB.
func decompress(data []byte) ([]byte, Compression, error) {
	r, kind, err := Decompress(bytes.NewReader(data), Ratio{Max: 200, Free: 1 << 20})
	if err != nil {
		return nil, kind, err
	}
	defer func() { _ = r.Close() }()
	out, err := io.ReadAll(r)
	return out, kind, err
}

func TestDecompress(t *testing.T) {
	text := bytes.Repeat([]byte("bailey "), 1000)
	for kind, data := range map[Compression][]byte{None: text, Gzip: imagetest.Gzip(text), Zstd: imagetest.Zstd(text)} {
		got, k, err := decompress(data)
		if err != nil || k != kind || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes of %s, %v", kind, len(got), k, err)
		}
	}
	if got, kind, err := decompress(nil); err != nil || kind != None || len(got) != 0 {
		t.Errorf("empty input: %q %s %v", got, kind, err)
	}
}

func TestDecompressRefuses(t *testing.T) {
	text := bytes.Repeat([]byte("bailey "), 1000)
	zeros := make([]byte, 8<<20)
	gz, zs := imagetest.Gzip(text), imagetest.Zstd(text)
	for class, data := range map[string][]byte{
		"decompression-bomb":          imagetest.Gzip(zeros),
		"decompression-bomb#zstd":     imagetest.Zstd(zeros),
		"gzip-truncated":              gz[:len(gz)-5],
		"zstd-truncated":              zs[:len(zs)-5],
		"gzip-malformed":              append(bytes.Clone(gz), "junk behind the end"...),
		"gzip-malformed#header":       {0x1f, 0x8b, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0},
		"gzip-malformed#checksum":     append(bytes.Clone(gz[:len(gz)-8]), 1, 2, 3, 4, 5, 6, 7, 8),
		"zstd-malformed":              append(bytes.Clone(zs), "junk behind the end"...),
		"compression-unsupported#xz":  []byte("\xfd7zXZ\x00........"),
		"compression-unsupported#bz2": []byte("BZh91AY&SY"),
		"compression-unsupported#zip": []byte("PK\x03\x04......"),
	} {
		_, _, err := decompress(data)
		var refusal *hostile.Error
		if want, _, _ := strings.Cut(class, "#"); !errors.As(err, &refusal) || refusal.Class != want {
			t.Errorf("%s: got %v", class, err)
		}
	}
}

// TestSourceErrorIsNotTheImagesFault tells a broken connection from a broken layer.
func TestSourceErrorIsNotTheImagesFault(t *testing.T) {
	broken := errors.New("the network is gone")
	r, _, err := Decompress(io.MultiReader(bytes.NewReader(imagetest.Gzip(make([]byte, 1000))[:20]), failing{broken}), Ratio{})
	if err == nil {
		_, err = io.ReadAll(r)
	}
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the source's own error", err)
	}
}

// failing is a source that breaks.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
