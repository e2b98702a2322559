package dns

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// maxCached bounds the answers kept for one container; maxCachedBytes those that are long.
	maxCached      = 256
	maxCachedBytes = 4 << 10
	// maxCachedTotal bounds the answers of all containers, by their length in bytes on the wire.
	maxCachedTotal = 4 << 20
	maxTTL         = 5 * time.Minute
	maxNegativeTTL = 30 * time.Second
)

// cache keeps answers, each container's apart: one cannot see in the time an answer takes what another asked for, nor push
// out or poison what it has.
type cache struct {
	mu    sync.Mutex
	by    map[netip.Addr]map[cacheKey]*entry
	bytes int
	now   func() time.Time
}

type cacheKey struct {
	name            string
	qtype           uint16
	do, checkingOff bool
}

// entry is an answer and how long it holds.
type entry struct {
	rcode      int
	authentic  bool
	answer, ns []dns.RR
	extra      []dns.RR
	bytes      int // on the wire
	ttl        time.Duration
	since      time.Time
	age        time.Duration
}

func newCache() *cache {
	return &cache{by: map[netip.Addr]map[cacheKey]*entry{}, now: time.Now}
}

func keyOf(q *dns.Msg) cacheKey {
	opt := q.IsEdns0()
	return cacheKey{strings.ToLower(q.Question[0].Name), q.Question[0].Qtype, opt != nil && opt.Do(), q.CheckingDisabled}
}

// newEntry takes over an answer: how long it holds is the shortest time to live in it, or what the SOA says for a name that
// does not exist (RFC 2308).
func newEntry(r *dns.Msg) *entry {
	e := &entry{rcode: r.Rcode, authentic: r.AuthenticatedData, answer: r.Answer, ns: r.Ns}
	for _, rr := range r.Extra {
		if rr.Header().Rrtype != dns.TypeOPT {
			e.extra = append(e.extra, rr)
		}
	}
	limit := maxTTL
	if len(e.answer) == 0 {
		limit = 0
		for _, rr := range e.ns {
			if soa, ok := rr.(*dns.SOA); ok {
				limit = min(maxNegativeTTL, time.Duration(soa.Minttl)*time.Second)
			}
		}
	}
	for _, list := range [][]dns.RR{e.answer, e.ns, e.extra} {
		for _, rr := range list {
			limit = min(limit, time.Duration(rr.Header().Ttl)*time.Second)
		}
	}
	e.ttl = limit
	if e.bytes = r.Len(); e.bytes > maxCachedBytes {
		e.ttl = 0
	}
	return e
}

// into copies the answer into a reply, its times to live reduced by the time it was kept.
func (e *entry) into(m *dns.Msg) {
	m.Rcode, m.AuthenticatedData = e.rcode, e.authentic
	passed := uint32(e.age / time.Second)
	older := func(list []dns.RR) []dns.RR {
		out := make([]dns.RR, 0, len(list))
		for _, rr := range list {
			rr = dns.Copy(rr)
			rr.Header().Ttl -= min(passed, rr.Header().Ttl)
			out = append(out, rr)
		}
		return out
	}
	m.Answer, m.Ns = older(e.answer), older(e.ns)
	m.Extra = append(older(e.extra), m.Extra...)
}

func (c *cache) get(client netip.Addr, k cacheKey) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.by[client][k]
	if e == nil {
		return nil
	}
	age := c.now().Sub(e.since)
	if age < 0 || age >= e.ttl {
		c.drop(client, k)
		return nil
	}
	hit := *e
	hit.age = age
	return &hit
}

func (c *cache) put(client netip.Addr, k cacheKey, e *entry) {
	if e.ttl <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.since = c.now()
	mine := c.by[client]
	if mine == nil {
		mine = map[cacheKey]*entry{}
		c.by[client] = mine
	}
	c.drop(client, k)
	for old := range mine {
		if len(mine) < maxCached && c.bytes+e.bytes <= maxCachedTotal {
			break
		}
		c.drop(client, old) // whichever comes first: Go's order is random, and that is as good as any here
	}
	if c.bytes+e.bytes > maxCachedTotal {
		c.expire()
	}
	if c.bytes+e.bytes > maxCachedTotal {
		return // others have all the room; theirs is not taken away
	}
	mine[k] = e
	c.bytes += e.bytes
}

// drop forgets an answer; mu is held.
func (c *cache) drop(client netip.Addr, k cacheKey) {
	if e := c.by[client][k]; e != nil {
		c.bytes -= e.bytes
		delete(c.by[client], k)
	}
}

// expire forgets what does not hold any more; mu is held.
func (c *cache) expire() {
	now := c.now()
	for client, mine := range c.by {
		for k, e := range mine {
			if now.Sub(e.since) >= e.ttl {
				c.drop(client, k)
			}
		}
	}
}

func (c *cache) forget(client netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.by[client] {
		c.drop(client, k)
	}
	delete(c.by, client)
}
