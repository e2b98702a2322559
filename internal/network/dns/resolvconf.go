package dns

import (
	"bufio"
	"bytes"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	maxResolvConf = 64 << 10
	maxServers    = 3 // MAXNS of resolv.conf(5)
	maxSearch     = 6 // MAXDNSRCH of older libraries
	recheck       = time.Second
)

// config is what a resolv.conf says.
type config struct {
	servers []netip.Addr
	search  []string
}

// resolvConf reads a resolv.conf and reads it again when it changed, looking at most once a second.
type resolvConf struct {
	path string

	mu      sync.Mutex
	checked time.Time
	mtime   time.Time
	size    int64
	current config
}

func (r *resolvConf) read() config {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.checked) < recheck {
		return r.current
	}
	r.checked = now
	f, err := os.Open(r.path)
	if err != nil {
		return r.current // while it is being replaced, what it said holds
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.ModTime().Equal(r.mtime) && st.Size() == r.size {
		return r.current
	}
	b, err := io.ReadAll(io.LimitReader(f, maxResolvConf))
	if err != nil {
		return r.current
	}
	r.mtime, r.size, r.current = st.ModTime(), st.Size(), parseResolvConf(b)
	return r.current
}

// Search is the search domains of a resolv.conf. It is safe for concurrent use.
type Search struct{ conf resolvConf }

// NewSearch returns the search domains of the file at path.
func NewSearch(path string) *Search { return &Search{resolvConf{path: path}} }

// Domains returns what the file says now.
func (s *Search) Domains() []string { return s.conf.read().search }

// parseResolvConf reads the nameserver, search and domain lines of resolv.conf(5) and passes over all others.
func parseResolvConf(b []byte) config {
	var c config
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			a, err := netip.ParseAddr(fields[1])
			if err == nil && len(c.servers) < maxServers && !slices.Contains(c.servers, a) {
				c.servers = append(c.servers, a)
			}
		case "search", "domain": // the last one counts
			c.search = nil
			for _, d := range fields[1:] {
				if d = strings.TrimSuffix(d, "."); validDomain(d) && len(c.search) < maxSearch {
					c.search = append(c.search, d)
				}
			}
		}
	}
	return c
}

// validDomain accepts letters, digits, hyphens, underscores and dots: what can stand in a container's resolv.conf without
// meaning anything else there.
func validDomain(d string) bool {
	return d != "" && len(d) <= 253 && !strings.ContainsFunc(d, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
	})
}
