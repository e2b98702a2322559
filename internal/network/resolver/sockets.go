package resolver

import (
	"errors"
	"net/netip"
	"os"

	"github.com/bailey-run/bailey/internal/network/dns"
	"golang.org/x/sys/unix"
)

// sockets are the two of a gateway. Nobody reads from them here: they are kept for the next resolver.
type sockets struct {
	udp, tcp int
	port     uint16
	serial   uint64 // tells one pair from another
	wanted   bool   // a network has asked for it
}

func (s sockets) close() {
	_ = unix.Close(s.udp)
	_ = unix.Close(s.tcp)
}

const backlog = 128

// bind makes a gateway's sockets.
func bind(gateway netip.Addr) (sockets, error) {
	s, err := bindBoth(gateway, dns.Port)
	const tries = 20 // a free port for UDP may be taken for TCP
	for i := 0; errors.Is(err, unix.EADDRINUSE) && i < tries; i++ {
		s, err = bindBoth(gateway, 0)
	}
	return s, err
}

func bindBoth(gateway netip.Addr, port uint16) (s sockets, err error) {
	if s.udp, err = bound(gateway, port, unix.SOCK_DGRAM); err != nil {
		return s, err
	}
	if s.port, err = portOf(s.udp, gateway); err == nil {
		s.tcp, err = bound(gateway, s.port, unix.SOCK_STREAM)
	}
	if err != nil {
		unix.Close(s.udp)
		return s, err
	}
	if err := unix.Listen(s.tcp, backlog); err != nil {
		s.close()
		return s, os.NewSyscallError("listen", err)
	}
	return s, nil
}

func bound(gateway netip.Addr, port uint16, kind int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if kind == unix.SOCK_STREAM {
		// Connections of an earlier listener that are still ending do not matter.
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(port), Addr: gateway.As4()})
	}
	if err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("bind", err)
	}
	return fd, nil
}

// errNotBound means that a socket is not what a resolver said it is.
var errNotBound = errors.New("the socket is not bound to the gateway")

// portOf is the port of a socket that is bound to the gateway.
func portOf(fd int, gateway netip.Addr) (uint16, error) {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	at, ok := name.(*unix.SockaddrInet4)
	if !ok || netip.AddrFrom4(at.Addr) != gateway {
		return 0, errNotBound
	}
	return uint16(at.Port), nil
}
