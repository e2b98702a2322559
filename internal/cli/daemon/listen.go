package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// listen makes the node's sockets, or takes the ones that a service manager
// holds for it. Closing a listener removes the socket that was made for it.
func listen(c Config, w Wiring) (_ []net.Listener, err error) {
	group, err := socketGroup(c.Settings.SocketGroup)
	if err != nil {
		return nil, err
	}
	listeners, err := w.Activated()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			closeAll(listeners)
		}
	}()
	paths := c.Settings.AlsoListen
	if len(listeners) == 0 {
		paths = append([]string{c.Socket}, paths...)
	}
	for _, address := range paths {
		path, err := socketPath(address)
		if err != nil {
			return listeners, err
		}
		l, err := w.Listen(path, group)
		if err != nil {
			return listeners, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// socketGroup returns the group that may use the API. The default one may be
// missing, and then only root may; one that was asked for may not.
func socketGroup(name string) (string, error) {
	if name == "" {
		return DefaultGroup, nil
	}
	_, err := user.LookupGroup(name)
	var unknown user.UnknownGroupError
	if errors.As(err, &unknown) {
		return "", fmt.Errorf("socket-group = %q: there is no such group; create it with: groupadd --system %[1]s", name)
	}
	return name, err
}

// DialSocket connects to a unix socket whose path may be longer than the 107
// bytes that fit into an address.
func DialSocket(ctx context.Context, path string) (net.Conn, error) {
	dir, err := os.OpenFile(filepath.Dir(path), unix.O_DIRECTORY|unix.O_PATH, 0)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var d net.Dialer
	return d.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}
