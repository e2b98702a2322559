package forward

import (
	"time"

	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"golang.org/x/sys/unix"
)

// How long a session may be silent: one that the container answered, and one
// that it did not. burst is how many packets are passed before others get
// their turn.
const (
	idleAnswered   = 90 * time.Second
	idleUnanswered = 30 * time.Second
	sweepEvery     = 10 * time.Second
	burst          = 32
	packetMax      = 64 << 10
)

// relay is one published UDP port.
type relay struct {
	set      *Set
	fd       int
	family   int
	to       unix.Sockaddr
	sessions map[peer]*session
	sweep    loop.Timer
	oob      [64]byte
}

// peer is a client's address, and the address of the host that it spoke to.
type peer struct {
	ip, local [16]byte
	port      int
}

// session is one client: a socket of its own towards the container.
type session struct {
	relay    *relay
	fd       int
	who      peer
	client   unix.Sockaddr
	reply    []byte // control message that makes answers come from the right address
	last     time.Time
	answered bool
}

func (s *Set) serveUDP(fd, family int, to unix.Sockaddr) error {
	r := &relay{set: s, fd: fd, family: family, to: to, sessions: make(map[peer]*session)}
	level, option := unix.IPPROTO_IP, unix.IP_PKTINFO
	if family == unix.AF_INET6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	}
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return err
	}
	if err := s.loop.Watch(fd, loop.In, r); err != nil {
		return err
	}
	s.udp = append(s.udp, r)
	return nil
}

// Ready passes packets of clients to the container.
func (r *relay) Ready(uint32) {
	buf := r.set.scratch[:packetMax]
	now := time.Now()
	for range burst {
		n, oobn, _, from, err := unix.Recvmsg(r.fd, buf, r.oob[:], 0)
		if err != nil {
			return
		}
		if s := r.session(from, r.oob[:oobn], now); s != nil {
			s.last = now
			_, _ = unix.Write(s.fd, buf[:n])
		}
	}
}

// session finds the client's session or opens one.
func (r *relay) session(from unix.Sockaddr, oob []byte, now time.Time) *session {
	who, reply := r.identify(from, oob)
	if s := r.sessions[who]; s != nil {
		return s
	}
	if len(r.sessions) >= r.set.limits.Sessions && !r.evict(now) {
		return nil
	}
	fd, err := socket(family(r.to), unix.SOCK_DGRAM)
	if err != nil {
		return nil
	}
	s := &session{relay: r, fd: fd, who: who, client: from, reply: reply, last: now}
	if unix.Connect(fd, r.to) != nil || r.set.loop.Watch(fd, loop.In, s) != nil {
		unix.Close(fd)
		return nil
	}
	r.sessions[who] = s
	if len(r.sessions) == 1 {
		r.set.loop.After(&r.sweep, sweepEvery, r.expire)
	}
	return s
}

// identify reads who sent a packet and to which of the host's addresses.
func (r *relay) identify(from unix.Sockaddr, oob []byte) (who peer, reply []byte) {
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		who.port = a.Port
		copy(who.ip[:], a.Addr[:])
	case *unix.SockaddrInet6:
		who.port, who.ip = a.Port, a.Addr
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return who, nil
	}
	for _, m := range msgs {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			copy(who.local[:], m.Data[4:8])
			reply = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte(m.Data[4:8])})
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			copy(who.local[:], m.Data[:16])
			reply = unix.PktInfo6(&unix.Inet6Pktinfo{Addr: [16]byte(m.Data[:16])})
		}
	}
	return who, reply
}

// Ready passes the container's answers to the client.
func (s *session) Ready(uint32) {
	r := s.relay
	buf := r.set.scratch[:packetMax]
	for range burst {
		n, err := unix.Read(s.fd, buf)
		if err != nil {
			// Also the refusal of a port where nobody listens, which must be
			// read so that it is not reported again.
			return
		}
		s.last, s.answered = time.Now(), true
		_, _ = unix.SendmsgN(r.fd, buf[:n], s.reply, s.client, unix.MSG_DONTWAIT)
	}
}

func (s *session) deadline() time.Time {
	if s.answered {
		return s.last.Add(idleAnswered)
	}
	return s.last.Add(idleUnanswered)
}

func (s *session) close() {
	delete(s.relay.sessions, s.who)
	s.relay.set.loop.Close(&s.fd)
}

// evict makes room for a new client by ending the session that would end
// first. One that was in use a moment ago is kept: under a flood of forged
// addresses those who are served go on being served.
func (r *relay) evict(now time.Time) bool {
	var first *session
	for _, s := range r.sessions {
		if first == nil || s.deadline().Before(first.deadline()) {
			first = s
		}
	}
	if first == nil || first.answered && now.Sub(first.last) < idleUnanswered {
		return false
	}
	first.close()
	return true
}

func (r *relay) expire() {
	now := time.Now()
	for _, s := range r.sessions {
		if s.deadline().Before(now) {
			s.close()
		}
	}
	if len(r.sessions) > 0 {
		r.set.loop.After(&r.sweep, sweepEvery, r.expire)
	}
}

func (r *relay) close() {
	r.set.loop.Cancel(&r.sweep)
	for _, s := range r.sessions {
		s.close()
	}
	r.set.loop.Close(&r.fd)
}
