package forward

import (
	"strconv"

	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// Limits bounds a Set.
type Limits struct {
	Conns    int // TCP connections at once
	Sessions int // UDP sessions at once, for each port
}

// Set is the published ports of one container.
type Set struct {
	loop    *loop.Loop
	limits  Limits
	scratch []byte
	tcp     []*listener
	udp     []*relay
	conns   map[*conn]struct{}
	pipes   [][2]int
	paused  loop.Timer
}

// BindError says which port could not be published.
type BindError struct {
	Port wire.Port
	Err  error
}

func (e *BindError) Error() string {
	text := "port " + e.Port.Name + " cannot be published: " + e.Err.Error()
	switch e.Err {
	case unix.EADDRINUSE:
		flag := "-ltnp"
		if e.Port.UDP {
			flag = "-lunp"
		}
		return text + "; stop what uses it (ss " + flag + " 'sport = :" + strconv.Itoa(int(e.Port.HostPort)) +
			"' shows it) or publish another port"
	case unix.EADDRNOTAVAIL:
		return text + "; choose an address that this host has"
	}
	return text
}

func (e *BindError) Unwrap() error { return e.Err }

// New makes an empty set. scratch is memory of at least 64 KiB that nobody
// uses while the loop calls this package.
func New(l *loop.Loop, limits Limits, scratch []byte) *Set {
	return &Set{loop: l, limits: limits, scratch: scratch}
}

// Listen opens the ports, all or none, and fills in the host ports that the
// kernel chose. The error is a *BindError.
func (s *Set) Listen(ports []wire.Port) error {
	for i := range ports {
		if err := s.listen(&ports[i]); err != nil {
			s.Close()
			return &BindError{ports[i], err}
		}
	}
	return nil
}

func (s *Set) listen(p *wire.Port) error {
	kind := unix.SOCK_STREAM
	if p.UDP {
		kind = unix.SOCK_DGRAM
	}
	from, to := address(p.HostIP, p.HostPort), address(p.ContainerIP, p.ContainerPort)
	if from == nil || to == nil {
		return unix.EAFNOSUPPORT
	}
	fd, err := socket(family(from), kind)
	if err != nil {
		return err
	}
	if err := s.bind(fd, p, from, to); err != nil {
		unix.Close(fd)
		return err
	}
	return nil
}

func (s *Set) bind(fd int, p *wire.Port, from, to unix.Sockaddr) error {
	if !p.UDP {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return err
		}
	}
	if err := unix.Bind(fd, from); err != nil {
		return err
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	p.HostPort = portOf(bound)
	if p.UDP {
		return s.serveUDP(fd, family(from), to)
	}
	return s.serveTCP(fd, to)
}

// Close closes every listener, connection and session.
func (s *Set) Close() {
	s.loop.Cancel(&s.paused)
	for _, l := range s.tcp {
		s.loop.Close(&l.fd)
	}
	for _, r := range s.udp {
		r.close()
	}
	for c := range s.conns {
		c.close(false)
	}
	for _, p := range s.pipes {
		unix.Close(p[0])
		unix.Close(p[1])
	}
	s.tcp, s.udp, s.pipes = nil, nil, nil
}

func socket(family, kind int) (int, error) {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil && family == unix.AF_INET6 {
		// An IPv4 address of the same port may be published elsewhere.
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
		if err != nil {
			unix.Close(fd)
		}
	}
	return fd, err
}

func address(ip string, port uint16) unix.Sockaddr {
	switch len(ip) {
	case 4:
		return &unix.SockaddrInet4{Port: int(port), Addr: [4]byte([]byte(ip))}
	case 16:
		return &unix.SockaddrInet6{Port: int(port), Addr: [16]byte([]byte(ip))}
	}
	return nil
}

func family(a unix.Sockaddr) int {
	if _, ok := a.(*unix.SockaddrInet4); ok {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func portOf(a unix.Sockaddr) uint16 {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return uint16(a.Port)
	case *unix.SockaddrInet6:
		return uint16(a.Port)
	}
	return 0
}
