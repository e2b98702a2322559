package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// Apply unpacks the uncompressed tar r into dir, an empty directory that nobody else can reach while Apply runs. On an error
// the caller throws the directory away. Whiteouts become what overlayfs reads: character devices 0:0 and opaque directories.
//
// Errors about the layer are *hostile.Error; all others come from the disk, the source or ctx.
func Apply(ctx context.Context, dir *os.File, r io.Reader, opts Options) (Result, error) {
	// The tree works on the bare descriptor, which a finalizer of dir would close.
	defer runtime.KeepAlive(dir)
	s := newStream(ctx, r, opts.LayerBytes, opts.NoDigest)
	defer s.Close()
	a := &applier{stream: s, tree: newTree(int(dir.Fd())), opts: opts, buf: make([]byte, blockSize)}
	defer a.tree.close()

	in := tar.NewReader(s)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return Result{}, a.malformed(err)
		}
		if err := a.entry(h, in); err != nil {
			return Result{}, err
		}
		a.last = h.Name
	}
	if err := a.tail(); err != nil {
		return Result{}, err
	}
	if err := a.tree.finish(); err != nil {
		return Result{}, err
	}
	a.res.DiffID = s.digest()
	a.res.Implied = a.tree.impliedDirs()
	return a.res, nil
}

// applier is the state of one Apply.
type applier struct {
	stream *stream
	tree   *tree
	opts   Options
	res    Result
	buf    []byte
	last   string // the entry before, for errors about a header that cannot be read
}

// malformed tells errors of the tar format from those of the source.
func (a *applier) malformed(err error) error {
	if a.stream.failed != nil {
		return a.stream.failed
	}
	return hostile.Refuse("tar-malformed", a.last, "the tar is broken or cut off after this entry: %v", err)
}

// entry applies one entry.
func (a *applier) entry(h *tar.Header, body io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return checkGlobal(h)
	}
	name, err := CleanName(h.Name)
	if err != nil {
		return err
	}
	if isSparse(h) {
		return hostile.Refuse("sparse-file", h.Name, "it is a sparse file, which could fill the disk from a few bytes: write the tar without --sparse")
	}
	if err := a.opts.Budget.take(h.Name, h.Size); err != nil {
		return err
	}
	a.res.Entries++
	if _, base := split(name); strings.HasPrefix(base, whiteoutPrefix) {
		return a.whiteout(h, name)
	}
	if h.Uid < 0 || h.Uid >= IDs || h.Gid < 0 || h.Gid >= IDs {
		return hostile.Refuse("id-out-of-range", h.Name, "the owner %d:%d lies outside of 0 to %d, which is what a container has", h.Uid, h.Gid, IDs-1)
	}
	if name == "." && h.Typeflag != tar.TypeDir {
		return hostile.Refuse("root-not-directory", h.Name, "the layer's root is not a directory")
	}
	return a.create(h, name, body)
}

// create makes what the entry's type says.
func (a *applier) create(h *tar.Header, name string, body io.Reader) error {
	switch h.Typeflag {
	case tar.TypeReg:
		return a.file(h, name, body)
	case tar.TypeDir:
		return a.directory(h, name)
	case tar.TypeSymlink:
		return a.symlink(h, name)
	case tar.TypeLink:
		return a.hardlink(h, name)
	case tar.TypeFifo:
		return a.fifo(h, name)
	case tar.TypeChar, tar.TypeBlock:
		if a.opts.SkipDevices {
			a.res.Warnings.Devices++
			return nil
		}
		return hostile.Refuse("device-node", h.Name, "it is a device node (%d:%d); containers get their devices from the engine, never from an image: leave it out, for example with `tar --exclude='./dev/*'`", h.Devmajor, h.Devminor)
	}
	return hostile.Refuse("entry-type", h.Name, "its type %q is none that a layer may have", h.Typeflag)
}

// isSparse reports whether the entry has holes, in any of the formats of GNU tar.
func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for record := range h.PAXRecords {
		if strings.HasPrefix(record, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// checkGlobal accepts the comment that `git archive` writes and refuses global headers that would rename or resize the
// entries after them in some readers and not in others.
func checkGlobal(h *tar.Header) error {
	for key := range h.PAXRecords {
		if key != "comment" {
			return hostile.Refuse("pax-global", h.Name, "a global header sets %q for all entries after it, which not every reader honours", key)
		}
	}
	return nil
}

// tail reads to the end of the stream, so that the digest covers all of it, and refuses data hidden behind the end of the tar.
func (a *applier) tail() error {
	for total := 0; ; {
		n, err := a.stream.Read(a.buf)
		for _, c := range a.buf[:n] {
			if c != 0 {
				return hostile.Refuse("data-after-end", a.last, "there is data after the end of the tar, which other readers might unpack")
			}
		}
		if total += n; total > maxTail {
			return hostile.Refuse("data-after-end", a.last, "there are more than %d bytes after the end of the tar", maxTail)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return a.malformed(err)
		}
	}
}

// disk words an error of the file system, so that it says what to do where that is known.
func disk(what, name string, err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("unpack %q: %s: the disk is full (%w): free space with `bailey system prune`, or give the node a larger --dir", name, what, err)
	case errors.Is(err, unix.EMLINK):
		return hostile.Refuse("too-many-links", name, "the file system gives a file no more names")
	case errors.Is(err, unix.ENAMETOOLONG):
		return hostile.Refuse("name-too-long", name, "the file system takes no name that long")
	}
	return fmt.Errorf("unpack %q: %s: %w", name, what, err)
}
