package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/bailey-run/bailey/internal/filelock"
	"golang.org/x/sys/unix"
)

// socketMode is who may open the socket besides root: its group.
const socketMode = 0o660

// maxSocketPath is the longest path that fits a unix socket's address (unix(7)), in bytes.
const maxSocketPath = 107

// Listen makes a unix socket at path for root and the given group ("" or a
// group that the host does not have: root's own). A socket that a dead node left
// is replaced; one that somebody listens on is a [*BusyError], and so is anything
// else that stands there. Closing the listener removes the socket.
func Listen(path, group string) (net.Listener, error) {
	gid, err := groupID(group)
	if err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	lock, err := lockSocket(path)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	l := &listener{path: path, dir: dir, lock: lock}
	if err := l.open(gid); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

// BusyError says that a socket can not be made because something is there.
type BusyError struct{ Path, Why string }

func (e *BusyError) Error() string { return fmt.Sprintf("socket %s: %s", e.Path, e.Why) }

// listener is a socket that this process made and will remove.
type listener struct {
	*net.UnixListener
	path   string
	dir    *os.File // the socket's directory; long paths are reached through it
	lock   *os.File // held while the socket is ours
	inode  uint64
	closed sync.Once
	err    error
}

// lockSocket makes sure that of two nodes that start at once only one takes the path.
func lockSocket(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	err = filelock.Take(f)
	if errors.Is(err, filelock.ErrHeld) {
		err = &BusyError{path, "another node is using it; choose another directory, or stop that one first"}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (l *listener) open(gid int) error {
	if err := removeStale(l.path, l.address()); err != nil {
		return err
	}
	// The mode of the descriptor becomes that of the file: it is never open to others, not even briefly.
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var modeErr error
		err := raw.Control(func(fd uintptr) { modeErr = unix.Fchmod(int(fd), 0o600) })
		return errors.Join(err, modeErr)
	}}
	ln, err := lc.Listen(context.Background(), "unix", l.address())
	if err != nil {
		return fmt.Errorf("socket %s: %w", l.path, err)
	}
	l.UnixListener = ln.(*net.UnixListener)
	l.SetUnlinkOnClose(false) // only if it is still ours
	name := filepath.Base(l.path)
	fd := int(l.dir.Fd())
	if err := unix.Fchownat(fd, name, 0, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil && os.Geteuid() == 0 {
		return errors.Join(fmt.Errorf("socket %s: owner: %w", l.path, err), l.UnixListener.Close())
	}
	// fchmodat follows links, but the lock and the directory's permissions keep others from putting one there.
	if err := unix.Fchmodat(fd, name, socketMode, 0); err != nil {
		return errors.Join(fmt.Errorf("socket %s: mode: %w", l.path, err), l.UnixListener.Close())
	}
	l.inode = inodeAt(fd, name)
	return nil
}

// address is the path, or one through the directory's descriptor when it is too long.
func (l *listener) address() string {
	if len(l.path) <= maxSocketPath {
		return l.path
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", l.dir.Fd(), filepath.Base(l.path))
}

// Addr is the address that clients use, whatever its length.
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close stops listening and removes the socket, unless another one stands there by now.
func (l *listener) Close() error {
	l.closed.Do(func() {
		fd, name := int(l.dir.Fd()), filepath.Base(l.path)
		if l.inode != 0 && inodeAt(fd, name) == l.inode {
			l.err = unix.Unlinkat(fd, name, 0)
		}
		l.err = errors.Join(l.err, l.UnixListener.Close(), l.release())
	})
	return l.err
}

// release gives up the directory and the lock. The lock's file stays: removing
// it would let two nodes hold a lock on two files of one name.
func (l *listener) release() error { return errors.Join(l.lock.Close(), l.dir.Close()) }

// removeStale removes a socket that nobody listens on any more.
func removeStale(path, address string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("socket %s: %w", path, err)
	case info.Mode().Type() != os.ModeSocket:
		return &BusyError{path, "something that is not a socket stands there; move it away"}
	}
	conn, err := net.Dial("unix", address)
	switch {
	case err == nil:
		return errors.Join(&BusyError{path, "somebody listens on it; stop that first"}, conn.Close())
	case !errors.Is(err, unix.ECONNREFUSED):
		return &BusyError{path, fmt.Sprintf("whether it is in use can not be told (%v); remove it by hand", err)}
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("socket %s: remove the one that is left: %w", path, err)
	}
	return nil
}

func inodeAt(dir int, name string) uint64 {
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return 0
	}
	return st.Ino
}

// groupID looks up a group; one that does not exist is root's.
func groupID(name string) (int, error) {
	if name == "" {
		return 0, nil
	}
	g, err := user.LookupGroup(name)
	var unknown user.UnknownGroupError
	switch {
	case errors.As(err, &unknown):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("group %s of the socket: %w", name, err)
	}
	return strconv.Atoi(g.Gid)
}
