package dns

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// serveUDP reads queries one after the other; who may not ask is ignored before a byte of the query is looked at.
func (s *Server) serveUDP(pc *net.UDPConn, gateway netip.Addr) {
	buf := make([]byte, maxUDPQuery)
	for {
		n, from, err := pc.ReadFromUDPAddrPort(buf)
		if err != nil {
			if s.over(err) {
				return
			}
			continue // an ICMP error of an earlier answer
		}
		client := from.Addr().Unmap()
		c, ok := s.dir.Client(client, gateway)
		if !ok || !s.queries.enter(client) {
			continue
		}
		q, early := s.read(buf[:n])
		if q == nil {
			s.queries.leave(client)
			reply(pc, from, early, maxUDPQuery)
			continue
		}
		s.wg.Add(1)
		go func() {
			defer s.wg.Done()
			defer s.survive()
			defer s.queries.leave(client)
			size := udpSize(q)
			reply(pc, from, s.answer(client, c, q), size)
		}()
	}
}

// read is parse for the goroutine that reads for all.
func (s *Server) read(b []byte) (query, refusal *dns.Msg) {
	defer s.survive()
	return parse(b)
}

// survive keeps a query that makes the program panic from ending it: one container could stop names for all of them, and
// while the daemon is down nobody would begin anew.
func (s *Server) survive() {
	if cause := recover(); cause != nil {
		s.complain("a query could not be answered: " + fmt.Sprint(cause))
	}
}

func reply(pc *net.UDPConn, to netip.AddrPort, m *dns.Msg, size int) {
	if b := pack(m, size); b != nil {
		_, _ = pc.WriteToUDPAddrPort(b, to) // lost like any datagram; the client asks again
	}
}

// serveTCP accepts connections of containers, each for a few queries in turn.
func (s *Server) serveTCP(ln *net.TCPListener, gateway netip.Addr) {
	for {
		conn, err := ln.AcceptTCP()
		if err != nil {
			if s.over(err) {
				return
			}
			select { // out of descriptors: wait for one instead of spinning
			case <-time.After(50 * time.Millisecond):
			case <-s.ctx.Done():
				return
			}
			continue
		}
		client := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		c, ok := s.dir.Client(client, gateway)
		if !ok || !s.conns.enter(client) {
			conn.Close()
			continue
		}
		s.wg.Add(1)
		go func() {
			defer s.wg.Done()
			defer s.survive()
			defer s.conns.leave(client)
			defer conn.Close()
			stop := context.AfterFunc(s.ctx, func() { conn.Close() })
			defer stop()
			s.serveConn(conn, client, c)
		}()
	}
}

// serveConn answers the queries of one connection, each behind two bytes of length (RFC 1035, 4.2.2).
func (s *Server) serveConn(conn *net.TCPConn, client netip.Addr, c Client) {
	const maxPerConn = 100
	var head [2]byte
	for range maxPerConn {
		if conn.SetDeadline(time.Now().Add(idleTimeout)) != nil {
			return
		}
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint16(head[:])
		if n > maxUDPQuery {
			return
		}
		buf := make([]byte, n)
		if _, err := io.ReadFull(conn, buf); err != nil {
			return
		}
		q, m := parse(buf)
		if q != nil {
			if !s.queries.enter(client) {
				return
			}
			m = s.answer(client, c, q)
			s.queries.leave(client)
		}
		b := pack(m, dns.MaxMsgSize)
		if b == nil || conn.SetDeadline(time.Now().Add(idleTimeout)) != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)); err != nil {
			return
		}
	}
}

// parse reads a query with exactly one question. When it is none it returns nil and the answer to that, which is nil for
// what deserves no answer: answers, and what is not even a header.
func parse(b []byte) (query, refusal *dns.Msg) {
	const header, response = 12, 1 << 15
	if len(b) < header || binary.BigEndian.Uint16(b[2:])&response != 0 {
		return nil, nil
	}
	id, bits := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	refuse := func(code int) *dns.Msg {
		m := new(dns.Msg)
		m.Id, m.Response, m.Opcode, m.Rcode = id, true, int(bits>>11)&0xf, code
		return m
	}
	if int(bits>>11)&0xf != dns.OpcodeQuery {
		return nil, refuse(dns.RcodeNotImplemented)
	}
	if binary.BigEndian.Uint16(b[4:]) != 1 || binary.BigEndian.Uint16(b[6:]) != 0 ||
		binary.BigEndian.Uint16(b[8:]) != 0 || binary.BigEndian.Uint16(b[10:]) > 1 {
		return nil, refuse(dns.RcodeFormatError)
	}
	q := new(dns.Msg)
	if err := q.Unpack(b); err != nil || len(q.Question) != 1 {
		return nil, refuse(dns.RcodeFormatError)
	}
	return q, nil
}

// udpSize is the longest answer that the client takes over UDP (RFC 6891, 6.2.3).
func udpSize(q *dns.Msg) int {
	if opt := q.IsEdns0(); opt != nil {
		return min(max(int(opt.UDPSize()), dns.MinMsgSize), maxUDPQuery)
	}
	return dns.MinMsgSize
}

// pack encodes an answer, cut down to size with the truncation bit set when it is too long.
func pack(m *dns.Msg, size int) []byte {
	if m == nil {
		return nil
	}
	m.Compress = true
	m.Truncate(size)
	b, err := m.Pack()
	if err != nil {
		m.Answer, m.Ns, m.Extra = nil, nil, nil
		m.Rcode = dns.RcodeServerFailure
		if b, err = m.Pack(); err != nil {
			return nil
		}
	}
	return b
}
