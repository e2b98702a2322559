package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/bailey-run/bailey/internal/network/firewall"
	"golang.org/x/sys/unix"
)

// boundKey is a port of the host that a container has.
type boundKey struct {
	ip    netip.Addr
	port  uint16
	proto Protocol
}

func (k boundKey) String() string {
	return netip.AddrPortFrom(k.ip, k.port).String() + "/" + string(k.proto)
}

// overlaps reports whether two listeners could not have these ports at the same time.
func (k boundKey) overlaps(o boundKey) bool {
	same := k.ip == o.ip || k.ip.IsUnspecified() || o.ip.IsUnspecified()
	return same && k.port == o.port && k.proto == o.proto
}

// binding is a port that is reserved for a container.
type binding struct{ BoundPort }

func (b binding) rule() firewall.Published {
	proto := byte(unix.IPPROTO_TCP)
	if b.Proto == UDP {
		proto = unix.IPPROTO_UDP
	}
	return firewall.Published{HostIP: b.HostIP, HostPort: b.HostPort, Proto: proto, IP: b.ContainerIP, Port: b.ContainerPort}
}

// bind reserves the ports of a request. On an error what was reserved stays until cancelPlan.
func (m *Manager) bind(r WireRequest, eps []*planned) ([]binding, error) {
	if len(r.Ports) == 0 {
		return nil, nil
	}
	// Where everything is internal the first network serves, through the proxy only.
	to := eps[0]
	for _, p := range eps {
		if p.DefaultRoute {
			to = p
		}
	}
	rewrite := !to.seg.Internal && m.mayRewrite(r.Ports)
	var out []binding
	for _, p := range r.Ports {
		b, err := m.bindOne(r.ContainerID, p)
		if err != nil {
			return nil, err
		}
		b.ContainerIP = to.IP.Addr()
		b.DNAT = rewrite && b.HostIP.Is4() && !b.HostIP.IsLoopback()
		out = append(out, b)
	}
	return out, nil
}

// bindOne reserves one port: no container of this node has it, and no program of the host listens there.
func (m *Manager) bindOne(containerID string, p Port) (binding, error) {
	k := boundKey{ip: p.HostIP.Unmap(), port: p.HostPort, proto: p.Proto}
	if !k.ip.IsValid() {
		k.ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if k.proto == "" {
		k.proto = TCP
	}
	if k.proto != TCP && k.proto != UDP {
		return binding{}, invalid("port %d/%s cannot be published: only tcp and udp can", p.ContainerPort, k.proto)
	}
	if p.ContainerPort == 0 {
		return binding{}, invalid("port 0 of a container cannot be published: give a port from 1 to 65535")
	}
	const tries = 50
	for range tries {
		free, err := probe(k)
		if err != nil {
			return binding{}, err
		}
		by, ok := m.reservePort(free, containerID)
		if ok {
			return binding{BoundPort{HostIP: k.ip, HostPort: free.port, ContainerPort: p.ContainerPort, Proto: k.proto}}, nil
		}
		if k.port != 0 {
			return binding{}, &PortTakenError{Address: k.String(), By: by}
		}
	}
	return binding{}, conflict("no free port found on %s after %d tries: give one with -p", k.ip, tries)
}

func (m *Manager) reservePort(k boundKey, containerID string) (by string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for other, owner := range m.ports {
		if k.overlaps(other) {
			return owner, false
		}
	}
	m.ports[k] = containerID
	return "", true
}

// freePorts gives a container's ports back; mu is held.
func (m *Manager) freePorts(containerID string) {
	for k, owner := range m.ports {
		if owner == containerID {
			delete(m.ports, k)
		}
	}
}

// probe listens for a moment, so that a port of a service of the host is never taken from it by a rule, and chooses a free
// port when none is given.
func probe(k boundKey) (boundKey, error) {
	at := netip.AddrPortFrom(k.ip, k.port)
	version := "6"
	if k.ip.Is4() {
		version = "4" // without it 0.0.0.0 would stand for IPv6 too
	}
	var err error
	switch k.proto {
	case UDP:
		var c *net.UDPConn
		if c, err = net.ListenUDP("udp"+version, net.UDPAddrFromAddrPort(at)); err == nil {
			k.port = c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
			err = c.Close()
		}
	default:
		var l *net.TCPListener
		if l, err = net.ListenTCP("tcp"+version, net.TCPAddrFromAddrPort(at)); err == nil {
			k.port = l.Addr().(*net.TCPAddr).AddrPort().Port()
			err = l.Close()
		}
	}
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return k, &PortTakenError{Address: k.String(), Err: err}
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return k, invalid("address %s is not one of this host's: publish on 127.0.0.1, on 0.0.0.0, or on an address that ip addr shows", k.ip)
	case err != nil:
		return k, fmt.Errorf("publish on %s: %w", k, err)
	}
	return k, nil
}

// mayRewrite decides whether nftables may rewrite the destinations of these ports, or the proxy alone serves them. It may
// not where that would lead packets past a firewall of the host, or into one that drops what is forwarded.
func (m *Manager) mayRewrite(ports []Port) bool {
	public := slices.ContainsFunc(ports, func(p Port) bool { return p.HostIP.IsValid() && !p.HostIP.Unmap().IsLoopback() })
	switch {
	case !public || m.o.Publish == PublishProxy:
		return false
	case m.o.Publish == PublishDNAT:
		return true
	}
	f, err := m.fw.Foreign()
	return err == nil && len(f.Input) == 0 && len(f.Forward) == 0 && !f.Legacy
}
