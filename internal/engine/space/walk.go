package space

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/bailey-run/bailey/internal/runtime/quota"
	"golang.org/x/sys/unix"
)

const (
	// maxDepth is how many directories inside each other are looked into, each
	// an open descriptor. A path as programs write it (PATH_MAX, two bytes for
	// each directory) gets no deeper.
	maxDepth = 2048
	// names is the room for one reading of a directory, in bytes.
	names = 8 << 10
	// blockUnit is the unit of st_blocks; stat(2).
	blockUnit = 512
)

// ErrDepth says that a tree is deeper than can be measured. Nothing that was
// not made to hide is.
var ErrDepth = fmt.Errorf("directories are nested deeper than %d", maxDepth)

// Walk adds up what lies below a directory, itself included, and stops as soon
// as it is over either limit; 0 is no limit. The tree may belong to somebody
// who changes it meanwhile: it goes from descriptor to descriptor, follows no
// link, opens nothing but directories and leaves the file system nowhere. What
// vanishes while it looks is not counted. A file with several names counts once.
func Walk(ctx context.Context, dir string, limit quota.Cap) (quota.Usage, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return quota.Usage{}, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	w := walk{limit: limit, linked: make(map[uint64]struct{})}
	defer w.close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return quota.Usage{}, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	w.device = uint64(st.Dev)
	w.count(&st)
	w.enter(fd)
	for len(w.stack) > 0 && !over(w.use, limit) {
		if err := ctx.Err(); err != nil {
			return w.use, err
		}
		if err := w.step(); err != nil {
			return w.use, fmt.Errorf("measure %s: %w", dir, err)
		}
	}
	return w.use, nil
}

// over says that a limit is exceeded.
func over(u quota.Usage, c quota.Cap) bool {
	return c.Bytes > 0 && u.Bytes > c.Bytes || c.Inodes > 0 && u.Inodes > c.Inodes
}

type walk struct {
	limit  quota.Cap
	use    quota.Usage
	device uint64
	linked map[uint64]struct{} // files with several names that were counted; at most limit.Inodes
	stack  []level
}

// level is a directory that is being read.
type level struct {
	fd     int
	buffer []byte // what was read and not looked at
}

func (w *walk) enter(fd int) { w.stack = append(w.stack, level{fd: fd}) }

func (w *walk) close() {
	for _, l := range w.stack {
		unix.Close(l.fd)
	}
}

// step looks at the next name of the innermost directory, or leaves it.
func (w *walk) step() error {
	l := &w.stack[len(w.stack)-1]
	if len(l.buffer) == 0 {
		room := make([]byte, names)
		n, err := unix.ReadDirent(l.fd, room)
		if err != nil && !vanished(err) {
			return err
		}
		if n <= 0 || err != nil {
			unix.Close(l.fd)
			w.stack = w.stack[:len(w.stack)-1]
			return nil
		}
		l.buffer = room[:n]
	}
	var found []string
	used, _, found := unix.ParseDirent(l.buffer, 1, found)
	if used <= 0 {
		return errors.New("a directory can not be read")
	}
	l.buffer = l.buffer[used:]
	for _, name := range found {
		if err := w.look(l.fd, name); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) look(dir int, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		if vanished(err) {
			return nil
		}
		return err
	}
	if uint64(st.Dev) != w.device {
		return nil
	}
	w.count(&st)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil
	}
	if len(w.stack) >= maxDepth {
		return ErrDepth
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		if vanished(err) {
			return nil
		}
		return err
	}
	w.enter(fd)
	return nil
}

// vanished are the answers about what was there a moment ago.
func vanished(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ESTALE)
}

func (w *walk) count(st *unix.Stat_t) {
	if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if _, seen := w.linked[st.Ino]; seen {
			return
		}
		w.linked[st.Ino] = struct{}{}
	}
	w.use.Bytes += st.Blocks * blockUnit
	w.use.Inodes++
}
