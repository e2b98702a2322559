package api

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// firstFD is the first descriptor that a service manager passes (sd_listen_fds(3)).
const firstFD = 3

// Activated returns the sockets that a service manager such as systemd listens
// on and passed to this process (sd_listen_fds(3)); none when there is none. It
// takes them out of the environment, so that no child inherits them, and can
// be called once. Only listening unix stream sockets are accepted.
func Activated() ([]net.Listener, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, key := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if err := os.Unsetenv(key); err != nil {
			return nil, err
		}
	}
	if n, err := strconv.Atoi(pid); err != nil || n != os.Getpid() {
		return nil, nil // meant for another process, or for none
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 64 {
		return nil, fmt.Errorf("socket activation: LISTEN_FDS is %.16q, a small number is expected", count)
	}
	var listeners []net.Listener
	for fd := firstFD; fd < firstFD+n; fd++ {
		ln, err := passed(fd)
		if err != nil {
			for _, ln := range listeners {
				err = errors.Join(err, ln.Close())
			}
			return nil, err
		}
		listeners = append(listeners, ln)
	}
	return listeners, nil
}

// passed makes a listener of an inherited descriptor.
func passed(fd int) (net.Listener, error) {
	unix.CloseOnExec(fd)
	domain, err1 := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	kind, err2 := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	listening, err3 := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("socket activation: descriptor %d: %w", fd, err)
	}
	if domain != unix.AF_UNIX || kind != unix.SOCK_STREAM || listening == 0 {
		return nil, fmt.Errorf("socket activation: descriptor %d is not a listening unix stream socket; use ListenStream= with a path, not a port", fd)
	}
	f := os.NewFile(uintptr(fd), "LISTEN_FD_"+strconv.Itoa(fd))
	ln, err := net.FileListener(f) // duplicates the descriptor
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("socket activation: descriptor %d: %w", fd, err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // the path is the service manager's
	return ln, nil
}
