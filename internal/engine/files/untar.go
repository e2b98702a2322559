package files

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// Untar lays an archive (tar, plain or compressed with gzip or zstd) into the
// directory name. Nothing of an entry is followed on disk but the links of
// the container's own tree, inside its root.
func Untar(root *os.File, name string, m Mapping, r io.Reader, o UntarOptions) error {
	plain, err := decompress(r)
	if err != nil {
		return err
	}
	defer plain.Close()
	// What is created through the container's mounts must belong to ids that
	// it has.
	return rootfs.AsRootOf(m.Base, func() error {
		dir, err := rootfs.OpenInRoot(root, inside(name), unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		defer dir.Close()
		u := &unpacker{root: root, dir: name, mapping: m, opts: o}
		return u.all(tar.NewReader(plain))
	})
}

// decompress looks at the first bytes. Programs of the container are never
// asked (CVE-2026-41567).
func decompress(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, _ := b.Peek(6)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(b)
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
		if err != nil {
			return nil, fmt.Errorf("zstd archive: %w", err)
		}
		return z.IOReadCloser(), nil
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ")), bytes.HasPrefix(magic, []byte("BZh")):
		return nil, errors.New("archive is compressed with xz or bzip2: use gzip, zstd or none")
	}
	return io.NopCloser(b), nil
}

// unpacker lays one archive into one directory.
type unpacker struct {
	root    *os.File
	dir     string
	mapping Mapping
	opts    UntarOptions
}

func (u *unpacker) all(tr *tar.Reader) error {
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		if err := u.entry(h, tr); err != nil {
			return fmt.Errorf("archive entry %q: %w", h.Name, err)
		}
	}
}

func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	if strings.ContainsRune(h.Name, 0) || hasDotDot(h.Name) || hasDotDot(h.Linkname) && h.Typeflag == tar.TypeLink {
		return errors.New("the name leads out of its directory")
	}
	name := path.Clean("/" + h.Name)[1:]
	if name == "" {
		return u.top(h)
	}
	parent, err := u.parent(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	at, last := int(parent.Fd()), path.Base(name)
	switch h.Typeflag {
	case tar.TypeDir:
		return u.mkdir(at, last, h)
	case tar.TypeReg:
		return u.file(at, last, h, content)
	case tar.TypeSymlink:
		if err := u.clear(at, last); err != nil {
			return err
		}
		if err := unix.Symlinkat(h.Linkname, at, last); err != nil {
			return os.NewSyscallError("symlinkat", err)
		}
		return u.own(at, last, h)
	case tar.TypeLink:
		return u.hardLink(at, last, h)
	case tar.TypeXGlobalHeader:
		return nil
	}
	return fmt.Errorf("type %q is not taken into a container: only files, directories and links are", h.Typeflag)
}

func hasDotDot(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

// top gives the directory itself what the archive says of it.
func (u *unpacker) top(h *tar.Header) error {
	if h.Typeflag != tar.TypeDir || !u.opts.KeepIDs {
		return nil
	}
	f, err := rootfs.OpenInRoot(u.root, inside(u.dir), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return u.finish(f, h)
}

// parent opens the directory of an entry and makes what is missing of it.
func (u *unpacker) parent(name string) (*os.File, error) {
	full := path.Join(u.dir, name)
	f, err := rootfs.OpenInRoot(u.root, inside(full), unix.O_PATH|unix.O_DIRECTORY, 0)
	if !errors.Is(err, unix.ENOENT) || name == "." {
		return f, err
	}
	above, err := u.parent(path.Dir(name))
	if err != nil {
		return nil, err
	}
	defer above.Close()
	h := &tar.Header{Mode: 0o755, Typeflag: tar.TypeDir}
	if err := u.mkdir(int(above.Fd()), path.Base(name), h); err != nil {
		return nil, err
	}
	return rootfs.OpenInRoot(u.root, inside(full), unix.O_PATH|unix.O_DIRECTORY, 0)
}

func (u *unpacker) mkdir(at int, name string, h *tar.Header) error {
	err := unix.Mkdirat(at, name, 0o700)
	if errors.Is(err, unix.EEXIST) {
		var st unix.Stat_t
		if err := unix.Fstatat(at, name, &st, 0); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return nil // it is there, or a link of the container's to one is: it stays as it is
		}
		if u.opts.NoOverwriteDirNonDir {
			return errors.New("cannot overwrite non-directory with directory")
		}
		if err := unix.Unlinkat(at, name, 0); err != nil {
			return os.NewSyscallError("unlinkat", err)
		}
		err = unix.Mkdirat(at, name, 0o700)
	}
	if err != nil {
		return os.NewSyscallError("mkdirat", err)
	}
	return u.finishAt(at, name, h, unix.O_RDONLY|unix.O_DIRECTORY)
}

func (u *unpacker) file(at int, name string, h *tar.Header, content io.Reader) error {
	if err := u.clear(at, name); err != nil && !errors.Is(err, unix.EBUSY) {
		return err
	}
	flags := unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(at, name, flags, 0o600)
	if errors.Is(err, unix.EEXIST) { // a file that something is mounted on
		fd, err = unix.Openat(at, name, unix.O_WRONLY|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return os.NewSyscallError("openat", err)
	}
	f := os.NewFile(uintptr(fd), h.Name)
	if _, err := io.Copy(f, content); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(u.finish(f, h), f.Close())
}

// clear removes what an entry replaces. A directory is not replaced.
func (u *unpacker) clear(at int, name string) error {
	err := unix.Unlinkat(at, name, 0)
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.EISDIR):
		return errors.New("cannot overwrite directory with non-directory")
	}
	return os.NewSyscallError("unlinkat", err)
}

func (u *unpacker) hardLink(at int, name string, h *tar.Header) error {
	from, err := rootfs.OpenInRoot(u.root, inside(path.Join(u.dir, h.Linkname)), unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := u.clear(at, name); err != nil {
		return err
	}
	if err := unix.Linkat(int(from.Fd()), "", at, name, unix.AT_EMPTY_PATH); err != nil {
		return os.NewSyscallError("linkat", err)
	}
	return nil
}

func (u *unpacker) finishAt(at int, name string, h *tar.Header, flags int) error {
	fd, err := unix.Openat(at, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("openat", err)
	}
	f := os.NewFile(uintptr(fd), name)
	return errors.Join(u.finish(f, h), f.Close())
}

// finish sets owner, mode and times. Set-user-id and set-group-id bits are
// not taken in from outside.
func (u *unpacker) finish(f *os.File, h *tar.Header) error {
	uid, gid, err := u.ids(h)
	if err != nil {
		return err
	}
	if err := f.Chown(uid, gid); err != nil {
		return err
	}
	if err := unix.Fchmod(int(f.Fd()), uint32(h.Mode)&0o1777); err != nil {
		return os.NewSyscallError("fchmod", err)
	}
	if h.ModTime.IsZero() {
		return nil
	}
	t := unix.NsecToTimeval(h.ModTime.UnixNano())
	return os.NewSyscallError("futimes", unix.Futimes(int(f.Fd()), []unix.Timeval{t, t}))
}

func (u *unpacker) own(at int, name string, h *tar.Header) error {
	uid, gid, err := u.ids(h)
	if err != nil {
		return err
	}
	return os.NewSyscallError("fchownat", unix.Fchownat(at, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW))
}

// ids are the owner's as the mount shows them.
func (u *unpacker) ids(h *tar.Header) (uid, gid int, err error) {
	if !u.opts.KeepIDs {
		return int(u.mapping.Base), int(u.mapping.Base), nil
	}
	if h.Uid < 0 || h.Gid < 0 || h.Uid >= ids || h.Gid >= ids {
		return 0, 0, fmt.Errorf("owner %d:%d is not among the container's %d ids", h.Uid, h.Gid, ids)
	}
	return int(u.mapping.Base) + h.Uid, int(u.mapping.Base) + h.Gid, nil
}
