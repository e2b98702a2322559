package image

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// copySize is the size of the pieces in which blobs are written, in bytes.
const copySize = 512 << 10

// Put stores r as a blob, durably. With want the blob must have this digest; it is read and compared in any case.
func (x *session) Put(ctx context.Context, r io.Reader, want digest.Digest) (d ocispec.Descriptor, err error) {
	w, err := x.s.blobs.Writer(ctx, content.WithRef(uuid.NewString()))
	if err != nil {
		return d, fmt.Errorf("start to write a blob: %w", err)
	}
	defer func() {
		if err != nil {
			// Not only to be tidy: on a full disk the collector needs this room to do its work.
			_ = w.Truncate(0)
		}
		err = errors.Join(err, w.Close())
	}()
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, copySize))
	if err != nil {
		return d, wordDisk(err)
	}
	d = ocispec.Descriptor{Digest: w.Digest(), Size: n}
	if want != "" && d.Digest != want {
		return d, hostile.Refuse("digest-mismatch", string(want), "the content has the digest %s", d.Digest)
	}
	if err := w.Commit(ctx, n, d.Digest); err != nil && !errdefs.IsAlreadyExists(err) {
		return d, fmt.Errorf("store blob %s: %w", d.Digest, wordDisk(err))
	}
	x.noteHeld(d.Digest.String())
	return d, nil
}

// wordDisk says what to do when the disk is full.
func wordDisk(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("the disk is full (%w): free space with `bailey system prune`, or give the node a larger --dir", err)
	}
	return err
}

// document reads a small blob whole; one that is larger than limit is refused.
func (s *Store) document(ctx context.Context, id digest.Digest, limit int64) ([]byte, error) {
	info, err := s.blobs.Info(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", id, err)
	}
	if info.Size > limit {
		return nil, hostile.Refuse("document-too-large", string(id), "it has %d bytes, at most %d are allowed", info.Size, limit)
	}
	data, err := content.ReadBlob(ctx, s.blobs, ocispec.Descriptor{Digest: id, Size: info.Size})
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", id, err)
	}
	// It was compared when it came; this is for disks that forget and for hands that should not be there.
	if digest.FromBytes(data) != id {
		return nil, fmt.Errorf("blob %s is damaged on this node: remove the image and fetch it again: %w", id, errdefs.ErrDataLoss)
	}
	return data, nil
}

// Document reads a small blob of the session; one that is larger than the limit is refused.
func (x *session) Document(ctx context.Context, id digest.Digest) ([]byte, error) {
	return x.s.document(ctx, id, x.s.opts.Limits.Document)
}

// has reports whether the blob is there with this size, and protects it if so.
func (x *session) has(ctx context.Context, d ocispec.Descriptor) (bool, error) {
	if err := x.hold(ctx, kindBlob, d.Digest.String()); err != nil {
		return false, err
	}
	info, err := x.s.blobs.Info(ctx, d.Digest)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("blob %s: %w", d.Digest, err)
	}
	if info.Size != d.Size {
		return false, hostile.Refuse("size-mismatch", string(d.Digest), "it is announced with %d bytes and has %d", d.Size, info.Size)
	}
	return true, nil
}

// holdBlobs protects several blobs at once, before has is asked for each.
func (x *session) holdBlobs(ctx context.Context, list []ocispec.Descriptor) error {
	ids := make([]string, 0, len(list))
	for _, d := range list {
		ids = append(ids, d.Digest.String())
	}
	return x.hold(ctx, kindBlob, ids...)
}
