package registry

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"golang.org/x/net/publicsuffix"
)

// maxToken bounds the answer of a token server, in bytes.
const maxToken = 1 << 20

// realmKey marks requests to a token server that may carry credentials.
type realmKey struct{}

// trustedRealm reports whether realmGuard let the request through.
func trustedRealm(req *http.Request) bool { return req.Context().Value(realmKey{}) != nil }

// realmGuard is the transport to token servers. A registry names its token server itself (WWW-Authenticate: Bearer realm);
// one that names a stranger would make us send the user's password there (CVE-2020-15157, CVE-2026-33540). Credentials go only
// to hosts of the registry's own domain.
type realmGuard struct {
	next http.RoundTripper
	host string
}

// RoundTrip sends a token request whose credentials stay in the family.
func (g *realmGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	secret := req.Header.Get("Authorization") != "" || req.Body != nil
	if secret && !related(req.URL.Host, g.host) {
		return nil, &RefusedError{Registry: g.host, Target: req.URL.Host, Why: "it names a token server of another domain, which would get your password"}
	}
	if secret {
		req = req.Clone(context.WithValue(req.Context(), realmKey{}, true))
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxToken), resp.Body}
	return resp, nil
}

// realmSplit is one transport for a registry and its token server.
type realmSplit struct {
	registry, tokens http.RoundTripper
	host             string
}

// RoundTrip takes for a token server whoever is not the registry and not where the registry sends us on for a blob.
func (s *realmSplit) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.EqualFold(req.URL.Host, s.host) || req.Response != nil {
		return s.registry.RoundTrip(req)
	}
	return s.tokens.RoundTrip(req)
}

// related reports whether two hosts belong to one owner: they are the same, or lie below the same registered domain (as the
// public suffix list tells). Loopback addresses are all the machine's own.
func related(a, b string) bool {
	if isLoopback(a) && isLoopback(b) {
		return true
	}
	a, b = strings.ToLower(hostname(a)), strings.ToLower(hostname(b))
	if a == b {
		return true
	}
	if _, err := netip.ParseAddr(a); err == nil {
		return false
	}
	da, erra := publicsuffix.EffectiveTLDPlusOne(a)
	db, errb := publicsuffix.EffectiveTLDPlusOne(b)
	return erra == nil && errb == nil && da == db
}

// hostname is a host without its port and brackets.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

// isLoopback reports whether a host is "localhost" or a loopback address in its plain spelling.
func isLoopback(host string) bool {
	h := hostname(host)
	if h == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(h)
	return err == nil && addr.Unmap().IsLoopback()
}

// newAuthorizer answers challenges of the registry, and of nobody else, with the credential.
func newAuthorizer(host string, cred Credential, client *http.Client) docker.Authorizer {
	inner := docker.NewDockerAuthorizer(docker.WithAuthClient(client), docker.WithAuthCreds(func(asker string) (string, string, error) {
		if !strings.EqualFold(asker, host) {
			return "", "", nil
		}
		if cred.identityToken != "" {
			return "", cred.identityToken, nil
		}
		return cred.username, cred.password, nil
	}))
	if cred.registryToken != "" {
		return bearer{Authorizer: inner, host: host, token: cred.registryToken}
	}
	return inner
}

// bearer shows a token that the client got elsewhere.
type bearer struct {
	docker.Authorizer
	host, token string
}

// Authorize adds the token to requests for the registry itself.
func (b bearer) Authorize(ctx context.Context, req *http.Request) error {
	if strings.EqualFold(req.URL.Host, b.host) {
		req.Header.Set("Authorization", "Bearer "+b.token)
		return nil
	}
	return b.Authorizer.Authorize(ctx, req)
}
