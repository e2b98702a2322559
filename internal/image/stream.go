package image

import (
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/unpack"
)

// staged is a layer that is unpacked while its blob is still being written. Whether it belongs to an image, and to which, is
// known later: until then it is a snapshot without a parent, and goes with the lease when nobody takes it.
type staged struct {
	key, dir    string
	compression unpack.Compression
	result      unpack.Result
	err         error
	done        chan struct{}
}

// errUnpackStopped ends the unpacking side of a layer; the blob is written to its end all the same.
var errUnpackStopped = errors.New("unpacking has stopped")

// Layer stores r as a blob like Put and unpacks it at the same time, so that a layer costs one pass and not two. What is wrong
// with the layer is reported when an image wants it: an archive may hold things that look like layers and are none.
func (x *session) Layer(ctx context.Context, r io.Reader, want digest.Digest, compression unpack.Compression) (ocispec.Descriptor, error) {
	return x.layer(ctx, r, want, compression, false)
}

// layer is Layer; with known, the blob is a layer for certain and a refusal ends it at once.
func (x *session) layer(ctx context.Context, r io.Reader, want digest.Digest, compression unpack.Compression, known bool) (ocispec.Descriptor, error) {
	if want != "" {
		if _, err := x.s.blobs.Info(ctx, want); err == nil {
			return x.Put(ctx, r, want) // it was here before, and so was most likely what it unpacks to
		}
	}
	from, to := io.Pipe()
	st := &staged{compression: compression, done: make(chan struct{})}
	x.streams.Go(func() {
		defer close(st.done)
		st.err = x.stageStream(x.ctx, st, from)
		if known && st.err != nil {
			_ = from.CloseWithError(st.err)
		}
		_ = from.CloseWithError(errUnpackStopped)
	})
	d, err := x.Put(ctx, io.TeeReader(r, optional{to}), want)
	if err == nil {
		err = io.EOF
	}
	_ = to.CloseWithError(err)
	if !errors.Is(err, io.EOF) {
		return d, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.staged[d.Digest] = st
	return d, nil
}

// optional is a writer whose reader may lose interest.
type optional struct{ w io.Writer }

// Write goes on without its reader.
func (o optional) Write(p []byte) (int, error) {
	if _, err := o.w.Write(p); err != nil && !errors.Is(err, errUnpackStopped) {
		return 0, err
	}
	return len(p), nil
}

// stageStream unpacks a blob that arrives.
func (x *session) stageStream(ctx context.Context, st *staged, from io.Reader) error {
	dir, err := x.prepare(ctx, st)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	limits := x.s.opts.Limits
	plain, _, err := unpack.Decompress(from, unpack.Ratio{Max: limits.Ratio, Free: limits.RatioFree})
	if err != nil {
		return err
	}
	defer func() { _ = plain.Close() }()
	st.result, err = unpack.Apply(ctx, dir, plain, x.unpackOptions(st.compression, x.ahead))
	return err
}

// unpackOptions are those of one layer. The digest of an uncompressed layer is that of its blob, which was compared already.
func (x *session) unpackOptions(compression unpack.Compression, budget *unpack.Budget) unpack.Options {
	return unpack.Options{
		KeepSetID: x.s.opts.KeepSetID, SkipDevices: x.s.opts.SkipDevices, LayerBytes: x.s.opts.Limits.LayerBytes,
		NoDigest: compression == unpack.None, Budget: budget,
	}
}

// take hands out a staged layer, once; nil when there is none that counts. One that was refused because all layers of the
// session together are too much counts only against an image of its own, so it is unpacked again.
func (x *session) take(ctx context.Context, id digest.Digest) (*staged, error) {
	x.mu.Lock()
	st := x.staged[id]
	delete(x.staged, id)
	x.mu.Unlock()
	if st == nil {
		return nil, nil
	}
	select {
	case <-st.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if st.err != nil && x.ahead.Exceeded() {
		return nil, nil
	}
	return st, st.err
}
