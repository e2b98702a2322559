package unpack

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// resolve is how every path below the root is walked: the kernel itself refuses symbolic links, "..", mount points and
// magic links (openat2(2)).
const resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// cacheSize is how many directories are kept open. Tars list a directory's files together, so a few are enough.
const cacheSize = 16

// attrsCost is what an attrs takes in memory beside its texts, in bytes.
const attrsCost = 160

// attrs is what a directory gets when the layer is complete; until then it is 0700 and nobody but us can look inside.
type attrs struct {
	path     string
	mode     uint32
	uid, gid int
	mtime    unix.Timespec
	xattrs   map[string]string
	implied  bool
}

// tree is a directory that a layer is unpacked into, walked by descriptors.
type tree struct {
	root int
	open [cacheSize]struct {
		path string
		fd   int
	}
	next    int
	dirs    []attrs
	byPath  map[string]int
	kept    int // bytes that dirs and byPath take, about
	implied int
}

// newTree starts at the directory root, which stays open as long as the caller keeps it.
func newTree(root int) *tree {
	t := &tree{root: root, byPath: map[string]int{}}
	for i := range t.open {
		t.open[i].fd = -1
	}
	return t
}

// close closes the directories that were kept open.
func (t *tree) close() {
	for i := range t.open {
		if t.open[i].fd >= 0 {
			_ = unix.Close(t.open[i].fd)
			t.open[i].fd = -1
		}
	}
}

// openBeneath opens path below the directory root without following anything.
func openBeneath(root int, path string, flags uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC | unix.O_NOFOLLOW, Resolve: resolve}
	for {
		fd, err := unix.Openat2(root, path, &how)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// dir returns a descriptor of the directory path, for the *at calls; entry is the name in the tar, for errors. Missing
// directories are made and remembered as implied. The descriptor is the tree's: it stays open until cacheSize others were
// asked for.
func (t *tree) dir(path, entry string) (int, error) {
	if path == "." {
		return t.root, nil
	}
	for i := range t.open {
		if t.open[i].fd >= 0 && t.open[i].path == path {
			return t.open[i].fd, nil
		}
	}
	fd, err := openBeneath(t.root, path, unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		if err := t.makeParents(path, entry); err != nil {
			return -1, err
		}
		fd, err = openBeneath(t.root, path, unix.O_PATH|unix.O_DIRECTORY)
	}
	if err != nil {
		return -1, disk("open its directory", entry, err)
	}
	slot := &t.open[t.next]
	t.next = (t.next + 1) % cacheSize
	if slot.fd >= 0 {
		_ = unix.Close(slot.fd)
	}
	slot.path, slot.fd = path, fd
	return fd, nil
}

// makeParents makes what is missing of path and refuses to go through anything that is not a directory.
func (t *tree) makeParents(path, entry string) error {
	at := t.root
	defer func() {
		if at != t.root {
			_ = unix.Close(at)
		}
	}()
	for end := 0; end < len(path); {
		start := end
		if start > 0 {
			start++
		}
		if i := strings.IndexByte(path[start:], '/'); i >= 0 {
			end = start + i
		} else {
			end = len(path)
		}
		part := path[start:end]
		if err := t.makeParent(at, part, path[:end], entry); err != nil {
			return err
		}
		fd, err := openBeneath(at, part, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return disk("open its directory", entry, err)
		}
		if at != t.root {
			_ = unix.Close(at)
		}
		at = fd
	}
	return nil
}

// makeParent makes sure that part of the directory at is a directory; path is its full name.
func (t *tree) makeParent(at int, part, path, entry string) error {
	var st unix.Stat_t
	err := unix.Fstatat(at, part, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		if strings.HasPrefix(part, whiteoutPrefix) {
			return hostile.Refuse("whiteout-in-path", entry, "the name goes through the whiteout %q", part)
		}
		if err := unix.Mkdirat(at, part, 0o700); err != nil {
			return disk("make its directory", entry, err)
		}
		return t.keep(attrs{path: path, mode: 0o755, implied: true}, entry)
	case err != nil:
		return disk("look at its directory", entry, err)
	case isWhiteout(&st):
		if err := makeOpaque(at, part, entry); err != nil {
			return err
		}
		return t.keep(attrs{path: path, mode: 0o755}, entry)
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return hostile.Refuse("symlink-traversal", entry, "the name goes through %q, which is a symbolic link in the same layer", path)
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return hostile.Refuse("path-through-file", entry, "the name goes through %q, which is not a directory in the same layer", path)
	}
	return nil
}

// keep remembers what a directory is to become, in place of what was remembered before.
func (t *tree) keep(a attrs, entry string) error {
	cost := attrsCost + len(a.path)
	for key, value := range a.xattrs {
		cost += len(key) + len(value)
	}
	if t.kept += cost; t.kept > maxKept {
		return hostile.Refuse("too-many-directories", entry, "what the layer says of its directories takes more than %d bytes", maxKept)
	}
	if i, ok := t.byPath[a.path]; ok {
		if t.dirs[i].implied && !a.implied {
			t.implied--
		}
		t.dirs[i] = a
		return nil
	}
	if a.implied {
		if t.implied++; t.implied > maxImply {
			return hostile.Refuse("too-many-directories", entry, "the layer leaves out more than %d directories that its files are in", maxImply)
		}
	}
	t.byPath[a.path] = len(t.dirs)
	t.dirs = append(t.dirs, a)
	return nil
}

// impliedDirs lists the directories that have no entry, parents first, with "." when the root has none.
func (t *tree) impliedDirs() []string {
	var out []string
	if _, ok := t.byPath["."]; !ok {
		out = append(out, ".")
	}
	for _, d := range t.dirs {
		if d.implied {
			out = append(out, d.path)
		}
	}
	return out
}

// finish gives all directories their attributes, now that nothing is put in them any more.
func (t *tree) finish() error {
	if _, ok := t.byPath["."]; !ok {
		if err := unix.Fchmod(t.root, 0o755); err != nil {
			return disk("set the mode of", ".", err)
		}
	}
	for i := range t.dirs {
		d := &t.dirs[i]
		fd, err := openBeneath(t.root, d.path, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return disk("open", d.path, err)
		}
		err = setAttrs(fd, d)
		_ = unix.Close(fd)
		if err != nil {
			return err
		}
	}
	return nil
}
