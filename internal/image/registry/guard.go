package registry

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// RefusedError says that a registry asked for something that is not done: credentials for a stranger, plain HTTP, an address
// inside the machine, endless data. It is an errdefs.ErrPermissionDenied.
type RefusedError struct {
	// Registry is the host that was asked, Target the host or address that it led to.
	Registry, Target string
	// Why says what is refused.
	Why string
}

// Error names both sides.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("registry %s leads to %q: refused: %s", e.Registry, e.Target, e.Why)
}

// Unwrap makes errors.Is(err, errdefs.ErrPermissionDenied) true.
func (e *RefusedError) Unwrap() error { return errdefs.ErrPermissionDenied }

// guard is a transport that lets requests for one registry through, and sees to it that redirects take neither credentials
// nor plain text elsewhere, and that no answer is endless (CVE-2020-15157, CVE-2023-46737 are of this kind).
type guard struct {
	next     http.RoundTripper
	host     string
	loopback bool
	opts     Options
}

// RoundTrip sends a request that was found harmless.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !(req.URL.Scheme == "http" && g.loopback && isLoopback(req.URL.Host)) {
		return nil, g.refuse(req, "only https is spoken, and plain http to loopback registries")
	}
	req = req.Clone(req.Context())
	req.Header.Set("Accept-Encoding", "identity")
	if !strings.EqualFold(req.URL.Host, g.host) && !trustedRealm(req) {
		for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
			req.Header.Del(name)
		}
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		_ = resp.Body.Close()
		return nil, g.refuse(req, "it answers with content encoding, which was not asked for")
	}
	resp.Body = &paced{ReadCloser: resp.Body, stall: g.opts.Stall}
	if strings.Contains(req.URL.Path, "/manifests/") && req.Method == http.MethodGet {
		resp.Body = &capped{ReadCloser: resp.Body, left: g.opts.Document, err: g.refuse(req, "a manifest is larger than it may be")}
	}
	return resp, nil
}

// refuse makes the error about a request.
func (g *guard) refuse(req *http.Request, why string) error {
	return &RefusedError{Registry: g.host, Target: req.URL.Scheme + "://" + req.URL.Host, Why: why}
}

// capped is a body that fails beyond a size.
type capped struct {
	io.ReadCloser
	left int64
	err  error
}

// Read fails beyond the size.
func (c *capped) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, c.err
	}
	return n, err
}

// slowest is the least a registry must deliver on average, in bytes per second spent waiting: the attack of slow retrieval
// keeps a client busy for ever with a byte now and then.
const slowest = 512

// paced is a body that fails when nothing comes for a while, or too little for long. Only time spent waiting counts, so that
// a slow disk on our side is not taken for a slow registry.
type paced struct {
	io.ReadCloser
	stall  time.Duration
	waited time.Duration
	got    int64
}

// Read fails when the registry is too slow.
func (p *paced) Read(b []byte) (int, error) {
	start := time.Now()
	timer := time.AfterFunc(p.stall, func() { _ = p.ReadCloser.Close() })
	n, err := p.ReadCloser.Read(b)
	expired := !timer.Stop()
	p.waited += time.Since(start)
	p.got += int64(n)
	if expired && err != nil {
		return n, fmt.Errorf("the registry sent nothing for %v: %w", p.stall, errdefs.ErrUnavailable)
	}
	if p.waited > p.stall {
		if p.got < int64(p.waited.Seconds()*slowest) {
			_ = p.ReadCloser.Close()
			return n, fmt.Errorf("the registry sent only %d bytes in %v: %w", p.got, p.waited.Round(time.Second), errdefs.ErrUnavailable)
		}
		p.waited, p.got = 0, 0
	}
	return n, err
}
