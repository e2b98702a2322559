package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"

	"github.com/bailey-run/bailey/internal/runtime/supervise"
	"golang.org/x/sys/unix"
)

// Names in a container's run directory.
const (
	socketName  = "ctl.sock"
	lockName    = "supervisor.log" // its lock is held as long as the supervisor lives
	socketQueue = 128
)

var validID = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Prepare spawns the supervisor. Attach works from here on; nothing of the
// container runs yet. What an earlier run left in RunDir is removed, unless
// its supervisor still lives.
func (r *Runtime) Prepare(ctx context.Context, req PrepareRequest) (*Container, error) {
	if !validID.MatchString(req.ID) {
		return nil, fmt.Errorf("%.80q is not a container's id", req.ID)
	}
	if err := r.verify(); err != nil {
		return nil, err
	}
	lock, err := r.makeRunDir(&req)
	if err != nil {
		return nil, fmt.Errorf("make the run directory of container %.12s: %w", req.ID, err)
	}
	defer lock.Close()
	c := newContainer(r, req.ID, req.RunDir, req.ContainerDir)
	c.prepared = &req
	if err := c.spawn(lock); err != nil {
		_ = os.RemoveAll(req.RunDir)
		return nil, fmt.Errorf("spawn the supervisor of container %.12s: %w", req.ID, err)
	}
	return c, nil
}

// makeRunDir makes what the supervisor expects to find. The returned file is
// its log, with a lock that the supervisor inherits.
func (r *Runtime) makeRunDir(req *PrepareRequest) (*os.File, error) {
	err := os.Mkdir(req.RunDir, 0o711)
	if errors.Is(err, fs.ErrExist) {
		if err = clearRunDir(req.RunDir); err == nil {
			err = os.Mkdir(req.RunDir, 0o711)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(req.RunDir, supervise.MemDir), 0o711); err != nil {
		return nil, err
	}
	// The end of an earlier run must not be taken for the end of this one.
	err = os.Remove(filepath.Join(req.ContainerDir, supervise.ExitFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return lockRunDir(req.RunDir)
}

// clearRunDir removes the run directory of a supervisor that is gone.
func clearRunDir(dir string) error {
	lock, err := lockRunDir(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	return os.RemoveAll(dir)
}

// errSupervised means that a supervisor lives.
var errSupervised = errors.New("a supervisor is still at work here")

// lockRunDir takes the lock that a supervisor holds while it lives.
func lockRunDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_WRONLY|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			err = errSupervised
		}
		return nil, err
	}
	return f, nil
}

// listen makes the socket on which the supervisor will accept. It exists
// before the supervisor runs, so that nobody has to wait for it. Sockets have
// short names: the directory is given by a descriptor.
func listen(dir string) (*os.File, error) {
	d, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), socketName)
	err = unix.Fchmod(fd, 0o600) // what bind makes has this mode from the beginning
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: socketPath(d)})
	}
	if err == nil {
		err = unix.Listen(fd, socketQueue)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("listen on %s: %w", filepath.Join(dir, socketName), err)
	}
	return f, nil
}

func socketPath(dir *os.File) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName)
}

// controlPair makes the connection on which the supervisor's life hangs until
// the start.
func controlPair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	mine := os.NewFile(uintptr(fds[0]), "control")
	theirs = os.NewFile(uintptr(fds[1]), "control")
	defer mine.Close()
	conn, err := net.FileConn(mine)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), theirs, nil
}
