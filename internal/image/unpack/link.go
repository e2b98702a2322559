package unpack

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNotLinked says that a directory holds something that Link does not hand on: the layer has to be unpacked from its
// archive, which decides about it.
var ErrNotLinked = errors.New("the layer cannot be taken over as it is")

// Link makes dir, an empty directory, hold what the layer directory from holds, in the form of overlayfs on both sides.
// Files are shared with it by hard links; those with rights that Apply would drop (set-user-id bits, file capabilities)
// are copied without them. Nobody writes to from. It fails with ErrNotLinked when something stands in the way.
func Link(ctx context.Context, dir, from *os.File, opts Options) (Result, error) {
	defer runtime.KeepAlive(dir)
	defer runtime.KeepAlive(from)
	l := &linker{ctx: ctx, opts: opts}
	err := l.directory(int(from.Fd()), int(dir.Fd()), ".", 0)
	return l.res, err
}

type linker struct {
	ctx  context.Context
	opts Options
	res  Result
}

// directory takes over what is in a directory, and then its attributes, which the work in it has changed.
func (l *linker) directory(from, to int, path string, depth int) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return ErrNotLinked
	}
	names, err := readNames(from)
	if err != nil {
		return disk("read the directory", path, err)
	}
	for _, name := range names {
		if err := l.entry(from, to, name, path+"/"+name, depth); err != nil {
			return err
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(from, &st); err != nil {
		return disk("inspect", path, err)
	}
	a := &attrs{path: path, mode: st.Mode & 0o7777, uid: int(st.Uid), gid: int(st.Gid), mtime: st.Mtim}
	if a.xattrs, err = copied(from); err != nil {
		return disk("read the attributes of", path, err)
	}
	return setAttrs(to, a)
}

func (l *linker) entry(from, to int, name, path string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(from, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return disk("inspect", path, err)
	}
	if st.Uid >= IDs || st.Gid >= IDs {
		return ErrNotLinked
	}
	l.res.Entries++
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return l.enter(from, to, name, path, depth)
	case unix.S_IFREG:
		l.res.Bytes += st.Size
		if special, err := grants(from, name, &st); err != nil || special {
			if err != nil {
				return disk("inspect", path, err)
			}
			return l.copy(from, to, name, path, &st)
		}
	case unix.S_IFLNK, unix.S_IFIFO:
	case unix.S_IFCHR:
		if !isWhiteout(&st) {
			return ErrNotLinked
		}
	case unix.S_IFSOCK: // it belongs to a process that is gone, and is in no archive either
		l.res.Entries--
		return nil
	default:
		return ErrNotLinked
	}
	if err := unix.Linkat(from, name, to, name, 0); err != nil {
		return ErrNotLinked // too many links, or another file system
	}
	return nil
}

func (l *linker) enter(from, to int, name, path string, depth int) error {
	if err := unix.Mkdirat(to, name, 0o700); err != nil {
		return disk("make", path, err)
	}
	below, err := openBeneath(from, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return disk("open", path, err)
	}
	defer func() { _ = unix.Close(below) }()
	made, err := openBeneath(to, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return disk("open", path, err)
	}
	defer func() { _ = unix.Close(made) }()
	return l.directory(below, made, path, depth+1)
}

// copy copies a file without what gives rights.
func (l *linker) copy(from, to int, name, path string, st *unix.Stat_t) (err error) {
	in, err := openBeneath(from, name, unix.O_RDONLY)
	if err != nil {
		return disk("open", path, err)
	}
	source := os.NewFile(uintptr(in), path)
	defer func() { _ = source.Close() }()
	out, err := unix.Openat(to, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return disk("make", path, err)
	}
	target := os.NewFile(uintptr(out), path)
	defer func() {
		if cerr := target.Close(); err == nil && cerr != nil {
			err = disk("close", path, cerr)
		}
	}()
	if _, err := io.Copy(target, source); err != nil {
		return disk("copy", path, err)
	}
	mode := st.Mode & 0o7777
	if !l.opts.KeepSetID {
		mode &^= 0o6000
	}
	return setAttrs(out, &attrs{path: path, mode: mode, uid: int(st.Uid), gid: int(st.Gid), mtime: st.Mtim})
}

// grants reports whether a file gives rights to whoever executes it.
func grants(dir int, name string, st *unix.Stat_t) (bool, error) {
	if st.Mode&0o6000 != 0 {
		return true, nil
	}
	if st.Mode&0o111 == 0 {
		return false, nil
	}
	fd, err := openBeneath(dir, name, unix.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer func() { _ = unix.Close(fd) }()
	_, err = unix.Fgetxattr(fd, "security.capability", nil)
	return err == nil, nil
}

// copied are the attributes of a directory that are handed on: those of users, and that it hides what lies below it.
func copied(fd int) (map[string]string, error) {
	size, err := unix.Flistxattr(fd, nil)
	if err != nil || size == 0 {
		return nil, err
	}
	list := make([]byte, size)
	if size, err = unix.Flistxattr(fd, list); err != nil {
		return nil, err
	}
	kept := map[string]string{}
	for _, key := range strings.Split(strings.TrimSuffix(string(list[:size]), "\x00"), "\x00") {
		if key != opaque && !strings.HasPrefix(key, "user.") {
			continue
		}
		value := make([]byte, maxXattr)
		n, err := unix.Fgetxattr(fd, key, value)
		if err != nil {
			return nil, err
		}
		kept[key] = string(value[:n])
	}
	return kept, nil
}

// readNames lists a directory by a descriptor that stays the caller's.
func readNames(fd int) ([]string, error) {
	again, err := openBeneath(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	d := os.NewFile(uintptr(again), ".")
	defer func() { _ = d.Close() }()
	return d.Readdirnames(-1)
}
