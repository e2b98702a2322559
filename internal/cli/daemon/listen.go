package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// sockets are what a node is reached by.
type sockets struct {
	listeners []net.Listener
	made      []string // socket files that this process made, and removes
}

// listen makes the node's sockets, or takes the ones that systemd holds for it.
func listen(c Config) (_ *sockets, err error) {
	s := &sockets{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.listeners, err = inherited(); err != nil {
		return nil, err
	}
	paths := c.Settings.AlsoListen
	if len(s.listeners) == 0 {
		paths = append([]string{c.Socket}, paths...)
	}
	gid, err := socketGroup(c.Settings.SocketGroup)
	if err != nil {
		return nil, err
	}
	for _, address := range paths {
		path, err := socketPath(address)
		if err != nil {
			return nil, err
		}
		l, err := bind(path, gid)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", path, err)
		}
		s.listeners, s.made = append(s.listeners, l), append(s.made, path)
	}
	return s, nil
}

// close stops listening and removes the socket files of this process's making.
func (s *sockets) close() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for _, path := range s.made {
		_ = os.Remove(path)
	}
}

// firstInherited is the first descriptor that systemd passes (sd_listen_fds(3)).
const firstInherited = 3

// inherited returns the sockets that systemd passes to this process. All but
// unix stream sockets are refused.
func inherited() ([]net.Listener, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name)
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 64 {
		return nil, fmt.Errorf("LISTEN_FDS = %q is not a number of sockets", count)
	}
	var listeners []net.Listener
	for fd := firstInherited; fd < firstInherited+n; fd++ {
		syscall.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "inherited socket "+strconv.Itoa(fd))
		l, err := net.FileListener(f)
		_ = f.Close()
		if err != nil {
			return listeners, fmt.Errorf("inherited descriptor %d: %w", fd, err)
		}
		listeners = append(listeners, l)
		unix, ok := l.(*net.UnixListener)
		if !ok {
			_, err := socketPath(l.Addr().Network() + "://" + l.Addr().String())
			return listeners, fmt.Errorf("socket unit: %w", err)
		}
		unix.SetUnlinkOnClose(false)
	}
	return listeners, nil
}

// bind makes a socket file that root and one group can use from its first
// moment on. A file left over by a process that is gone is replaced.
func bind(path string, gid int) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	// A socket's address has room for 107 bytes; this one is short wherever the directory lies.
	short := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	mask := syscall.Umask(0o777)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	syscall.Umask(mask)
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chown(short, 0, gid); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(short))
	}
	if err := os.Chmod(short, 0o660); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(short))
	}
	return l, nil
}

// removeStale removes a socket that nobody listens on, and nothing else.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("there is a file that is not a socket; move it away")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := DialSocket(ctx, path)
	if err == nil {
		return errors.Join(errors.New("another program listens there; stop it, or give this socket another path"), conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// DialSocket connects to a unix socket whose path may be longer than the 107
// bytes that fit into an address.
func DialSocket(ctx context.Context, path string) (net.Conn, error) {
	dir, err := os.OpenFile(filepath.Dir(path), syscall.O_DIRECTORY|oPath, 0)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var d net.Dialer
	return d.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}

// oPath opens a directory to pass through, for which search permission is enough (open(2)).
const oPath = 0o10000000

// socketGroup returns the id of the group that may use the API. The default
// one may be missing; then only root may.
func socketGroup(name string) (int, error) {
	wanted := name
	if wanted == "" {
		wanted = DefaultGroup
	}
	g, err := user.LookupGroup(wanted)
	var unknown user.UnknownGroupError
	if errors.As(err, &unknown) && name == "" {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("socket-group = %q: %w; create it with: groupadd --system %[1]s", name, err)
	}
	return strconv.Atoi(g.Gid)
}
