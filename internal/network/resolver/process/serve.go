package process

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/bailey-run/bailey/internal/network/resolver/channel"
	"golang.org/x/sys/unix"
)

// sockets are a gateway's: descriptors beside those that the server reads from, to be handed to a later daemon.
type sockets struct {
	gateway  netip.Addr
	udp, tcp int
}

// serve carries out a daemon's messages until it goes.
func (p *resolver) serve(conn *channel.Conn) {
	for {
		kind, payload, files, err := conn.Receive()
		if err == nil {
			err = p.handle(conn, kind, payload, files)
		}
		channel.CloseFiles(files)
		if err != nil {
			return // its daemon begins again, or is gone
		}
	}
}

// handle carries out one message and answers it. Files that it keeps it has duplicated.
func (p *resolver) handle(conn *channel.Conn, kind channel.Kind, payload []byte, files []int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	switch kind {
	case channel.Hello:
		return p.greet(conn)
	case channel.Change:
		err = p.change(payload)
	case channel.Listen:
		err = p.listen(payload, files)
	case channel.Stop:
		err = p.stop(payload)
	case channel.Quit:
		defer p.leave()
	default:
		err = channel.ErrMessage
	}
	if err != nil {
		complain(fmt.Sprintf("message %d of the daemon: %v", kind, err))
		return err
	}
	return conn.Send(channel.OK, nil)
}

func (p *resolver) greet(conn *channel.Conn) error {
	g := channel.Greeting{Version: p.o.Version, Pid: os.Getpid()}
	if err := conn.Send(channel.Hello, g.Append(nil)); err != nil {
		return err
	}
	for _, s := range p.sockets {
		if err := conn.Send(channel.Socket, channel.AppendAddr(nil, s.gateway), s.udp, s.tcp); err != nil {
			return err
		}
	}
	return conn.Send(channel.Done, nil)
}

func (p *resolver) change(payload []byte) error {
	c, err := channel.ParseChange(payload)
	if err != nil {
		return err
	}
	for _, a := range p.table.Apply(c) {
		p.server.Forget(a)
	}
	return nil
}

func (p *resolver) listen(payload []byte, files []int) error {
	gateway, err := channel.ParseAddr(payload)
	if err != nil {
		return err
	}
	if len(files) != 2 {
		return channel.ErrMessage
	}
	udp, tcp, err := open(files)
	if err != nil {
		return err
	}
	s := sockets{gateway: gateway}
	if s.udp, err = unix.FcntlInt(uintptr(files[0]), unix.F_DUPFD_CLOEXEC, 0); err == nil {
		s.tcp, err = unix.FcntlInt(uintptr(files[1]), unix.F_DUPFD_CLOEXEC, 0)
	}
	if err != nil {
		return err
	}
	p.close(gateway) // another daemon may have bound it anew
	if p.sockets == nil {
		p.sockets = map[string]sockets{}
	}
	p.sockets[gateway.String()] = s
	return p.server.Serve(gateway, udp, tcp)
}

// open makes connections of two descriptors, which stay the caller's.
func open(files []int) (*net.UDPConn, *net.TCPListener, error) {
	var held [2]*os.File
	for i, fd := range files {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, nil, err
		}
		held[i] = os.NewFile(uintptr(dup), "socket")
		defer held[i].Close()
	}
	pc, err := net.FilePacketConn(held[0])
	if err != nil {
		return nil, nil, err
	}
	ln, err := net.FileListener(held[1])
	if err != nil {
		pc.Close()
		return nil, nil, err
	}
	udp, ok1 := pc.(*net.UDPConn)
	tcp, ok2 := ln.(*net.TCPListener)
	if !ok1 || !ok2 {
		pc.Close()
		ln.Close()
		return nil, nil, errors.New("not a UDP socket and a TCP one")
	}
	return udp, tcp, nil
}

func (p *resolver) stop(payload []byte) error {
	gateway, err := channel.ParseAddr(payload)
	if err == nil {
		p.close(gateway)
	}
	return err
}

func (p *resolver) close(gateway netip.Addr) {
	p.server.Stop(gateway)
	if s, ok := p.sockets[gateway.String()]; ok {
		_, _ = unix.Close(s.udp), unix.Close(s.tcp)
		delete(p.sockets, gateway.String())
	}
}
