package build

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// fetcher is the transport for addresses that the policy lets the node fetch. An address is a name that its owner points
// where they like, and may lead on to another: neither gets to what only this machine reaches.
type fetcher struct {
	listed, strange *http.Transport
}

func newFetcher() *fetcher {
	return &fetcher{listed: guarded(false), strange: guarded(true)}
}

// RoundTrip sends a request. What a redirect leads to on another host is nowhere listed.
func (f *fetcher) RoundTrip(req *http.Request) (*http.Response, error) {
	first := req
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	if strings.EqualFold(first.URL.Host, req.URL.Host) {
		return f.listed.RoundTrip(req)
	}
	if first.URL.Scheme == "https" && req.URL.Scheme != "https" {
		return nil, fmt.Errorf("%s leads to %s://%s: refused, for that is not encrypted", first.URL.Host, req.URL.Scheme, req.URL.Host)
	}
	return f.strange.RoundTrip(req)
}

// guarded is a transport that looks at the addresses that it connects to.
func guarded(strange bool) *http.Transport {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
		d.ControlContext = func(_ context.Context, _, to string, _ syscall.RawConn) error {
			return reachable(address, to, strange)
		}
		return d.DialContext(ctx, network, address)
	}
	return t
}

// reachable refuses addresses of the machine itself and of its surroundings, unless the name says so itself: a policy
// that lists http://127.0.0.1/ means it.
func reachable(name, to string, strange bool) error {
	ap, err := netip.ParseAddrPort(to)
	if err != nil {
		return err
	}
	ip := ap.Addr().Unmap()
	host, _, err := net.SplitHostPort(name)
	if err != nil {
		return err
	}
	_, notLiteral := netip.ParseAddr(host)
	inside := ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified()
	switch {
	case strange && (inside || ip.IsPrivate()):
		return fmt.Errorf("a redirect leads to %s, which is inside: refused", to)
	case inside && notLiteral != nil && host != "localhost":
		return fmt.Errorf("%s leads to %s, which only this machine reaches: refused", host, to)
	}
	return nil
}
