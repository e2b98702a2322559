package channel

import (
	"encoding/binary"
	"net/netip"

	"github.com/bailey-run/bailey/internal/network/dns"
)

// Greeting is the answer to Hello.
type Greeting struct {
	// Version is what the resolver is, as whoever started it named it: the digest of its program and its options.
	Version string
	Pid     int
}

// Append appends the message.
func (g Greeting) Append(b []byte) []byte {
	return binary.AppendUvarint(str(b, g.Version), uint64(g.Pid))
}

// ParseGreeting reads the message.
func ParseGreeting(b []byte) (Greeting, error) {
	r := reader{b: b}
	g := Greeting{Version: r.str(), Pid: int(r.num(1 << 31))}
	return g, r.end()
}

// AppendAddr appends an address: the message of Listen, Stop and Socket.
func AppendAddr(b []byte, a netip.Addr) []byte { return str(b, string(a.AsSlice())) }

// ParseAddr reads an address.
func ParseAddr(b []byte) (netip.Addr, error) {
	r := reader{b: b}
	a := r.addr()
	return a, r.end()
}

// AppendChange appends a change of the table.
func AppendChange(b []byte, c *dns.Change) []byte {
	b = flag(b, c.Whole)
	b = binary.AppendUvarint(b, uint64(len(c.Networks)))
	for _, n := range c.Networks {
		b = str(b, n.ID)
		b = AppendAddr(b, n.Subnet.Addr())
		b = append(b, byte(n.Subnet.Bits()))
		b = flag(b, n.Internal)
	}
	b = binary.AppendUvarint(b, uint64(len(c.Containers)))
	for _, k := range c.Containers {
		b = str(b, k.ID)
		b = binary.AppendUvarint(b, uint64(len(k.Endpoints)))
		for _, e := range k.Endpoints {
			b = AppendAddr(str(b, e.Network), e.Addr)
			b = strs(b, e.Names)
			b = binary.AppendUvarint(b, uint64(len(e.Links)))
			for _, l := range e.Links {
				b = str(str(b, l.Alias), l.Name)
			}
		}
	}
	return strs(strs(b, c.GoneNetworks), c.GoneContainers)
}

// ParseChange reads a change of the table.
func ParseChange(b []byte) (dns.Change, error) {
	r := reader{b: b}
	c := dns.Change{Whole: r.flag()}
	for range r.count() {
		id, a, bits := r.str(), r.addr(), int(r.byte())
		c.Networks = append(c.Networks, dns.Network{ID: id, Subnet: netip.PrefixFrom(a, bits), Internal: r.flag()})
	}
	for range r.count() {
		k := dns.Container{ID: r.str()}
		for range r.count() {
			e := dns.Endpoint{Network: r.str(), Addr: r.addr(), Names: r.strs()}
			for range r.count() {
				e.Links = append(e.Links, dns.Link{Alias: r.str(), Name: r.str()})
			}
			k.Endpoints = append(k.Endpoints, e)
		}
		c.Containers = append(c.Containers, k)
	}
	c.GoneNetworks, c.GoneContainers = r.strs(), r.strs()
	return c, r.end()
}

func str(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func strs(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = str(b, s)
	}
	return b
}

func flag(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// reader takes a message apart. After the first mistake it returns nothing more, and end tells.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) num(limit uint64) uint64 {
	n, used := binary.Uvarint(r.b)
	if r.bad || used <= 0 || n > limit {
		r.bad = true
		return 0
	}
	r.b = r.b[used:]
	return n
}

// count is the length of a list, each element of which takes a byte at least.
func (r *reader) count() int { return int(r.num(uint64(len(r.b)))) }

func (r *reader) str() string {
	n := r.count()
	if n > len(r.b) {
		r.bad = true
	}
	if r.bad {
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) strs() (list []string) {
	for range r.count() {
		list = append(list, r.str())
	}
	return list
}

func (r *reader) byte() byte {
	if r.bad || len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) flag() bool { return r.byte() == 1 }

func (r *reader) addr() netip.Addr {
	a, ok := netip.AddrFromSlice([]byte(r.str()))
	if !ok {
		r.bad = true
	}
	return a
}

func (r *reader) end() error {
	if r.bad || len(r.b) > 0 {
		return ErrMessage
	}
	return nil
}
