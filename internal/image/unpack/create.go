package unpack

import (
	"archive/tar"
	"errors"
	"io"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// file makes a regular file.
func (a *applier) file(h *tar.Header, name string, body io.Reader) error {
	if strings.HasSuffix(h.Name, "/") {
		return hostile.Refuse("name-type", h.Name, "it is a regular file with the name of a directory")
	}
	xattrs, err := a.xattrs(h)
	if err != nil {
		return err
	}
	dir, base := split(name)
	at, err := a.tree.dir(dir, h.Name)
	if err != nil {
		return err
	}
	fd := -1
	err = a.place(at, base, h, unix.S_IFREG, func() (err error) {
		fd, err = unix.Openat(at, base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	err = a.fill(fd, h, body, &attrs{path: name, mode: a.mode(h), uid: h.Uid, gid: h.Gid, mtime: timespec(h.ModTime), xattrs: xattrs})
	if cerr := unix.Close(fd); err == nil && cerr != nil {
		err = disk("close", h.Name, cerr)
	}
	return err
}

// fill writes the content of a new file and gives it its attributes.
func (a *applier) fill(fd int, h *tar.Header, body io.Reader, attrs *attrs) error {
	for {
		n, err := body.Read(a.buf)
		for rest := a.buf[:n]; len(rest) > 0; {
			m, werr := unix.Write(fd, rest)
			if errors.Is(werr, unix.EINTR) {
				continue
			}
			if werr != nil {
				return disk("write", h.Name, werr)
			}
			rest = rest[m:]
		}
		a.res.Bytes += int64(n)
		if errors.Is(err, io.EOF) {
			return setAttrs(fd, attrs)
		}
		if err != nil {
			a.last = h.Name
			return a.malformed(err)
		}
	}
}

// directory makes a directory, or gives one that is there already other attributes.
func (a *applier) directory(h *tar.Header, name string) error {
	xattrs, err := a.xattrs(h)
	if err != nil {
		return err
	}
	if name != "." {
		dir, base := split(name)
		at, err := a.tree.dir(dir, h.Name)
		if err != nil {
			return err
		}
		err = a.place(at, base, h, unix.S_IFDIR, func() error { return unix.Mkdirat(at, base, 0o700) })
		if err != nil {
			return err
		}
	}
	return a.tree.keep(attrs{path: name, mode: a.mode(h), uid: h.Uid, gid: h.Gid, mtime: timespec(h.ModTime), xattrs: xattrs}, h.Name)
}

// symlink makes a symbolic link.
func (a *applier) symlink(h *tar.Header, name string) error {
	if err := checkTarget(name, h.Linkname); err != nil {
		return err
	}
	if _, err := a.xattrs(h); err != nil {
		return err
	}
	dir, base := split(name)
	at, err := a.tree.dir(dir, h.Name)
	if err != nil {
		return err
	}
	err = a.place(at, base, h, unix.S_IFLNK, func() error { return unix.Symlinkat(h.Linkname, at, base) })
	if err != nil {
		return err
	}
	return a.own(at, base, h)
}

// fifo makes a named pipe.
func (a *applier) fifo(h *tar.Header, name string) error {
	if _, err := a.xattrs(h); err != nil {
		return err
	}
	dir, base := split(name)
	at, err := a.tree.dir(dir, h.Name)
	if err != nil {
		return err
	}
	err = a.place(at, base, h, unix.S_IFIFO, func() error { return unix.Mknodat(at, base, unix.S_IFIFO|0o600, 0) })
	if err != nil {
		return err
	}
	// base is a pipe that was made just now, below a descriptor: there is no link to follow.
	if err := unix.Fchmodat(at, base, a.mode(h)&0o777, 0); err != nil {
		return disk("set the mode", h.Name, err)
	}
	return a.own(at, base, h)
}

// own sets owner and time of something that cannot be opened.
func (a *applier) own(at int, base string, h *tar.Header) error {
	if h.Uid != 0 || h.Gid != 0 {
		if err := unix.Fchownat(at, base, h.Uid, h.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return disk("set the owner", h.Name, err)
		}
	}
	mtime := timespec(h.ModTime)
	if err := unix.UtimesNanoAt(at, base, []unix.Timespec{mtime, mtime}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return disk("set the time", h.Name, err)
	}
	return nil
}

// hardlink makes one more name for a file of the same layer.
func (a *applier) hardlink(h *tar.Header, name string) error {
	target, err := CleanName(h.Linkname)
	if err != nil {
		return hostile.Refuse("hardlink-escape", h.Name, "the hard link's target %q is no name of this layer: %v", h.Linkname, err)
	}
	if target == name {
		return hostile.Refuse("hardlink-self", h.Name, "it is a hard link to itself")
	}
	tdir, tbase := split(target)
	// Opened apart from the cache, and never made: a target that is not there is no target.
	tat, err := openBeneath(a.tree.root, tdir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return noTarget(h, err)
	}
	defer func() { _ = unix.Close(tat) }()
	var st unix.Stat_t
	if err := unix.Fstatat(tat, tbase, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return noTarget(h, err)
	}
	kind := st.Mode & unix.S_IFMT
	if kind != unix.S_IFREG && kind != unix.S_IFLNK && kind != unix.S_IFIFO {
		return hostile.Refuse("hardlink-target", h.Name, "the hard link's target %q is neither a file nor a link", h.Linkname)
	}
	dir, base := split(name)
	at, err := a.tree.dir(dir, h.Name)
	if err != nil {
		return err
	}
	// Flags 0: a target that is a symbolic link is linked itself, not followed.
	return a.place(at, base, h, kind, func() error { return unix.Linkat(tat, tbase, at, base, 0) })
}

// noTarget says that a hard link's target cannot be reached, or what the disk said instead.
func noTarget(h *tar.Header, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return hostile.Refuse("hardlink-target", h.Name, "the hard link's target %q is not in this layer before it", h.Linkname)
	case errors.Is(err, unix.ELOOP):
		return hostile.Refuse("hardlink-target", h.Name, "the hard link's target %q lies behind a symbolic link", h.Linkname)
	}
	return disk("look at the hard link's target", h.Name, err)
}
