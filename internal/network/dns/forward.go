package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// forwarder asks the host's resolvers.
type forwarder struct {
	conf resolvConf
	// port is 53 but in tests.
	port uint16
}

const attemptTimeout = 2 * time.Second

var errNoResolver = errors.New("the host names no resolver")

// exchange asks one resolver after the other until one answers, over TCP when the answer does not fit a datagram. Each
// attempt has a socket, and so a source port, of its own and an unpredictable id (RFC 5452).
func (f *forwarder) exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	err := errNoResolver
	for _, server := range f.conf.read().servers {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var r *dns.Msg
		if r, err = f.ask(ctx, server, q); err == nil {
			return r, nil
		}
	}
	return nil, err
}

func (f *forwarder) ask(ctx context.Context, server netip.Addr, q *dns.Msg) (*dns.Msg, error) {
	out := new(dns.Msg)
	out.SetQuestion(q.Question[0].Name, q.Question[0].Qtype)
	out.CheckingDisabled = q.CheckingDisabled
	opt := q.IsEdns0()
	// Nothing of the client's other options is passed on: they can identify it.
	out.SetEdns0(maxUDPQuery, opt != nil && opt.Do())
	port := f.port
	if port == 0 {
		port = 53
	}
	to := netip.AddrPortFrom(server, port).String()
	for _, network := range []string{"udp", "tcp"} {
		c := dns.Client{Net: network, Timeout: attemptTimeout, UDPSize: maxUDPQuery}
		r, _, err := c.ExchangeContext(ctx, out, to)
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", to, err)
		}
		if err := matches(out, r); err != nil {
			return nil, fmt.Errorf("ask %s: %w", to, err)
		}
		if !r.Truncated {
			return r, nil
		}
	}
	return nil, fmt.Errorf("ask %s: answer is truncated over TCP too", to)
}

// matches refuses an answer to another question, and those that say the resolver itself is in trouble, so that the next
// one is asked.
func matches(q, r *dns.Msg) error {
	switch {
	case r.Id != q.Id || !r.Response || r.Opcode != dns.OpcodeQuery:
		return errors.New("not an answer to the query")
	case len(r.Question) != 1 || !strings.EqualFold(r.Question[0].Name, q.Question[0].Name) ||
		r.Question[0].Qtype != q.Question[0].Qtype || r.Question[0].Qclass != q.Question[0].Qclass:
		return errors.New("answer to another question")
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		return fmt.Errorf("resolver says %s", dns.RcodeToString[r.Rcode])
	}
	return nil
}
