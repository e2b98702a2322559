package files

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"golang.org/x/sys/unix"
)

// maxTimes is how many directories get the archive's time at the end; those
// beyond keep the time of their last entry.
const maxTimes = 1 << 16

// Untar lays an archive (tar, plain or compressed with gzip or zstd) into the
// directory name. Links of the container's own tree are followed inside its
// root, as its processes would follow them. Devices and sockets are refused;
// set-user-id and set-group-id bits are not taken over.
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
		return errors.Join(u.all(tar.NewReader(plain)), u.setTimes())
	})
}

// unpacker lays one archive into one directory.
type unpacker struct {
	root    *os.File
	dir     string
	mapping Mapping
	opts    UntarOptions
	times   []*tar.Header // directories, whose time changes with every entry
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

var errDotDot = errors.New("the name leads out of its directory")

func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	if hasDotDot(h.Name) || hasDotDot(h.Linkname) && h.Typeflag == tar.TypeLink {
		return errDotDot
	}
	name := path.Clean("/" + h.Name)[1:]
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if name == "" {
		return u.top(h)
	}
	parent, err := u.parent(path.Dir(name), 0)
	if err != nil {
		return err
	}
	defer parent.Close()
	if of, err := ofKernel(parent); err != nil || of {
		return errors.Join(err, errKernel)
	}
	at, last := int(parent.Fd()), path.Base(name)
	switch h.Typeflag {
	case tar.TypeDir:
		return u.mkdir(at, name, h, !u.opts.NoOverwriteDirNonDir)
	case tar.TypeReg:
		return u.file(at, last, h, content)
	case tar.TypeSymlink:
		return u.special(at, last, h, func() error { return unix.Symlinkat(h.Linkname, at, last) })
	case tar.TypeFifo:
		return u.special(at, last, h, func() error { return unix.Mknodat(at, last, unix.S_IFIFO|0o600, 0) })
	case tar.TypeLink:
		return u.hardLink(at, last, h)
	}
	return fmt.Errorf("type %q is not taken into a container: only files, directories, links and FIFOs are", h.Typeflag)
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
	f, err := u.resolve("", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer f.Close()
	u.later(h)
	return u.finish(f, h)
}

// resolve opens a path of the archive as it lies in the container.
func (u *unpacker) resolve(name string, flags int) (*os.File, error) {
	return rootfs.OpenInRoot(u.root, inside(path.Join(u.dir, name)), flags, 0)
}

// parent opens the directory of an entry and makes what is missing of it.
func (u *unpacker) parent(name string, depth int) (*os.File, error) {
	f, err := u.resolve(name, unix.O_PATH|unix.O_DIRECTORY)
	if !errors.Is(err, unix.ENOENT) || name == "." {
		return f, err
	}
	if depth > maxDepth {
		return nil, errDepth
	}
	above, err := u.parent(path.Dir(name), depth+1)
	if err != nil {
		return nil, err
	}
	defer above.Close()
	h := &tar.Header{Mode: 0o755, Typeflag: tar.TypeDir}
	if err := u.mkdir(int(above.Fd()), name, h, false); err != nil {
		return nil, err
	}
	return u.resolve(name, unix.O_PATH|unix.O_DIRECTORY)
}

// mkdir makes the directory name, whose parent is at. One that is there, or a
// link of the container's to one, stays as it is; anything else is replaced
// only when that is asked for.
func (u *unpacker) mkdir(at int, name string, h *tar.Header, replace bool) error {
	last := path.Base(name)
	err := unix.Mkdirat(at, last, 0o700)
	if errors.Is(err, unix.EEXIST) {
		if f, err := u.resolve(name, unix.O_PATH|unix.O_DIRECTORY); err == nil {
			return f.Close()
		}
		if !replace {
			return errors.New("cannot overwrite non-directory with directory")
		}
		if err := unix.Unlinkat(at, last, 0); err != nil {
			return os.NewSyscallError("unlinkat", err)
		}
		err = unix.Mkdirat(at, last, 0o700)
	}
	if err != nil {
		return os.NewSyscallError("mkdirat", err)
	}
	fd, err := unix.Openat(at, last, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("openat", err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	st, err := fstat(f)
	if err != nil {
		return err
	}
	if st.Uid != u.mapping.Base || st.Mode&0o777 != 0o700 {
		return errReplaced
	}
	u.later(h)
	return u.finish(f, h)
}

// errReplaced is the answer to a container that puts something else in the
// place of what was just made, to have that given a new owner and mode.
var errReplaced = errors.New("the container put another file in its place meanwhile")

// file writes a regular file, always a new one: what other names of the old
// one show stays as it was.
func (u *unpacker) file(at int, name string, h *tar.Header, content io.Reader) error {
	var f *os.File
	err := u.clear(at, name)
	if errors.Is(err, unix.EBUSY) {
		f, err = mounted(at, name)
	} else if err == nil {
		var fd int
		fd, err = unix.Openat(at, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		err = os.NewSyscallError("openat", err)
		f = os.NewFile(uintptr(fd), h.Name)
	}
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, content); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(u.finish(f, h), f.Close())
}

// mounted opens a file that something is mounted on, which can only be
// written, not replaced.
func mounted(at int, name string) (*os.File, error) {
	fd, err := unix.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("openat", err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	st, err := fstat(f)
	if err != nil {
		return nil, err
	}
	if of, err := ofKernel(f); err != nil || of || kind(&st) != unix.S_IFREG {
		return nil, errors.Join(err, errors.New("what is mounted there is no regular file"))
	}
	return reopen(f, unix.O_WRONLY|unix.O_TRUNC)
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

// special makes a symbolic link or a FIFO and gives it its owner.
func (u *unpacker) special(at int, name string, h *tar.Header, create func() error) error {
	if err := u.clear(at, name); err != nil {
		return err
	}
	if err := create(); err != nil {
		return os.NewSyscallError("create", err)
	}
	uid, gid, err := u.ids(h)
	if err != nil {
		return err
	}
	fd, err := unix.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("openat", err)
	}
	f := os.NewFile(uintptr(fd), h.Name)
	defer f.Close()
	st, err := fstat(f)
	if err != nil {
		return err
	}
	link := kind(&st) == unix.S_IFLNK
	if st.Uid != u.mapping.Base || link != (h.Typeflag == tar.TypeSymlink) || !link && kind(&st) != unix.S_IFIFO {
		return errReplaced
	}
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil || link {
		return os.NewSyscallError("fchownat", err)
	}
	return os.NewSyscallError("chmod", unix.Chmod(fdPath(f), uint32(h.Mode)&0o777))
}

func (u *unpacker) hardLink(at int, name string, h *tar.Header) error {
	from, err := u.resolve(h.Linkname, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer from.Close()
	if of, err := ofKernel(from); err != nil || of {
		return errors.Join(err, errKernel)
	}
	if err := u.clear(at, name); err != nil {
		return err
	}
	return os.NewSyscallError("linkat", unix.Linkat(int(from.Fd()), "", at, name, unix.AT_EMPTY_PATH))
}
