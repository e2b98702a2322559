package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// newTransport is a transport whose every step has an end, and which does not connect to the machine itself or to link-local
// addresses (cloud metadata) unless the registry is there.
func newTransport(host string, config *tls.Config) *http.Transport {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute, ExpectContinueTimeout: 5 * time.Second,
		MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
		own := related(addr, host) || isProxy(addr)
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return checkAddress(host, address, own)
		}
		return d.DialContext(ctx, network, addr)
	}
	return t
}

// isProxy reports whether addr is the proxy that the environment of the daemon names.
func isProxy(addr string) bool {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: "registry.invalid"}})
	return err == nil && proxy != nil && strings.EqualFold(hostname(proxy.Host), hostname(addr))
}

// checkAddress refuses addresses that a name or redirect of a registry must not lead to. own says that it is the registry's
// own name, which may be on this machine.
func checkAddress(host, address string, own bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("connect to %q: %w", address, err)
	}
	ip := ap.Addr().Unmap()
	switch {
	case ip.IsLinkLocalUnicast(), ip.IsMulticast(), ip.IsUnspecified():
		return &RefusedError{Registry: host, Target: address, Why: "it is a link-local, multicast or unspecified address"}
	case ip.IsLoopback() && !own:
		return &RefusedError{Registry: host, Target: address, Why: "it is this machine itself"}
	}
	return nil
}

// loadCerts reads the certificates for a registry: *.crt are authorities beside the system's, *.cert with *.key show who we
// are. The layout is that of Docker's /etc/docker/certs.d.
func loadCerts(dir, host string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if dir == "" {
		return config, nil
	}
	dir = filepath.Join(dir, host)
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return config, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the certificates for %s: %w", host, err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch filepath.Ext(e.Name()) {
		case ".crt":
			err = addAuthority(config, path)
		case ".cert":
			var pair tls.Certificate
			pair, err = tls.LoadX509KeyPair(path, strings.TrimSuffix(path, ".cert")+".key")
			config.Certificates = append(config.Certificates, pair)
		}
		if err != nil {
			return nil, fmt.Errorf("read the certificates for %s: %s: %w", host, path, err)
		}
	}
	return config, nil
}

// addAuthority trusts the authorities of a PEM file beside those of the system.
func addAuthority(config *tls.Config, path string) error {
	pem, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if config.RootCAs == nil {
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool()
		}
	}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("it holds no certificate in PEM form")
	}
	return nil
}
