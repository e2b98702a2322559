package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteserrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/refs"
)

// Options configures a Client.
type Options struct {
	// CertsDir holds one directory per registry with certificates, as image.Options.CertsDir says.
	CertsDir string
	// Document is the most bytes of a manifest.
	Document int64
	// Stall is the longest time a registry may send or take nothing; zero means a minute.
	Stall time.Duration
}

// Client speaks to registries. It may be used by several goroutines.
type Client struct{ opts Options }

// New makes a client.
func New(opts Options) *Client {
	if opts.Stall == 0 {
		opts.Stall = time.Minute
	}
	return &Client{opts: opts}
}

// Repository is one repository of a registry, for one caller.
type Repository struct {
	name     refs.Name
	opts     Options
	resolver remotes.Resolver
	pushMu   sync.Mutex
	pushers  map[string]remotes.Pusher
	close    func()
}

// dockerHub is where the API of docker.io lives.
const dockerHub = "registry-1.docker.io"

// Open prepares to speak to the registry of a name as cred. It does not connect. The repository must be closed.
func (c *Client) Open(name refs.Name, cred Credential) (*Repository, error) {
	registry, base, err := c.host(name.Host())
	if err != nil {
		return nil, err
	}
	registry.Authorizer = newAuthorizer(registry.Host, cred, &http.Client{Transport: &realmGuard{next: registry.Client.Transport, host: registry.Host}})
	return &Repository{
		name: name, opts: c.opts, close: base.CloseIdleConnections, pushers: map[string]remotes.Pusher{},
		resolver: docker.NewResolver(docker.ResolverOptions{
			Hosts:   func(string) ([]docker.RegistryHost, error) { return []docker.RegistryHost{registry}, nil },
			Headers: http.Header{"User-Agent": []string{"bailey"}},
		}),
	}, nil
}

// host is how to speak to a registry: over TLS, or over plain HTTP when it is this machine; guarded in both cases.
func (c *Client) host(name string) (docker.RegistryHost, *http.Transport, error) {
	host := name
	if host == "docker.io" {
		host = dockerHub
	}
	tlsConfig, err := loadCerts(c.opts.CertsDir, name)
	if err != nil {
		return docker.RegistryHost{}, nil, err
	}
	base := newTransport(host, tlsConfig)
	guarded := &guard{next: base, host: host, opts: c.opts}
	var transport http.RoundTripper = guarded
	if guarded.loopback = isLoopback(host); guarded.loopback {
		transport = docker.NewHTTPFallback(guarded)
	}
	return docker.RegistryHost{
		Client: &http.Client{Transport: transport}, Host: host, Scheme: "https", Path: "/v2",
		Capabilities: docker.HostCapabilityPull | docker.HostCapabilityResolve | docker.HostCapabilityPush,
	}, base, nil
}

// Hosts is docker.RegistryHosts for callers that bring their own credentials. The client that they get speaks to the
// registry, and to its token server as long as that is of the registry's own domain.
func (c *Client) Hosts(name string) ([]docker.RegistryHost, error) {
	h, _, err := c.host(name)
	if err != nil {
		return nil, err
	}
	h.Client = &http.Client{Transport: &realmSplit{registry: h.Client.Transport, tokens: &realmGuard{next: h.Client.Transport, host: h.Host}, host: h.Host}}
	return []docker.RegistryHost{h}, nil
}

// Close ends the connections.
func (r *Repository) Close() { r.close() }

// Resolve asks what the name points to. Type, digest and size are the registry's word until the content was compared.
func (r *Repository) Resolve(ctx context.Context) (ocispec.Descriptor, error) {
	_, d, err := r.resolver.Resolve(ctx, r.name.String())
	if err != nil {
		return d, r.explain("ask for "+r.name.Familiar(), err)
	}
	return d, nil
}

// Fetch opens a blob. At most d.Size bytes come out of it.
func (r *Repository) Fetch(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	f, err := r.resolver.Fetcher(ctx, r.name.String())
	if err != nil {
		return nil, r.explain("fetch "+d.Digest.String(), err)
	}
	// Only what is compared counts: no foreign addresses, no inline data.
	body, err := f.Fetch(ctx, ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size})
	if err != nil {
		return nil, r.explain("fetch "+d.Digest.String(), err)
	}
	return &explained{ReadCloser: body, r: r, what: "fetch " + d.Digest.String()}, nil
}

// explained words errors that come while a body is read.
type explained struct {
	io.ReadCloser
	r    *Repository
	what string
}

// Read words errors.
func (e *explained) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = e.r.explain(e.what, err)
	}
	return n, err
}

// Push sends a blob, or a manifest, which is also given the repository's tag when it is root. existed says that the registry
// had it already. Seeking in body starts it again when the registry wants that.
func (r *Repository) Push(ctx context.Context, root, d ocispec.Descriptor, body io.ReadSeeker) (existed bool, err error) {
	pusher, err := r.pusher(ctx, root)
	if err != nil {
		return false, err
	}
	what := "push " + d.Digest.String()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var stalled atomic.Bool
	slow := time.AfterFunc(r.opts.Stall, func() {
		stalled.Store(true)
		cancel()
	})
	defer slow.Stop()
	w, err := pusher.Push(ctx, ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size})
	if err == nil {
		defer func() { _ = w.Close() }()
		err = content.Copy(ctx, w, tick{body, func() { slow.Reset(r.opts.Stall) }}, d.Size, d.Digest)
	}
	switch {
	case errdefs.IsAlreadyExists(err):
		return true, nil
	case err != nil && stalled.Load():
		return false, fmt.Errorf("%s: %s takes nothing for %v: %w", what, r.name.Host(), r.opts.Stall, errdefs.ErrUnavailable)
	case err != nil:
		return false, r.explain(what, err)
	}
	return false, nil
}

// tick calls back at every read.
type tick struct {
	io.ReadSeeker
	back func()
}

// Read calls back first.
func (t tick) Read(p []byte) (int, error) {
	t.back()
	return t.ReadSeeker.Read(p)
}

// pusher is the pusher that gives the tag to root and sends everything else by digest.
func (r *Repository) pusher(ctx context.Context, root ocispec.Descriptor) (remotes.Pusher, error) {
	r.pushMu.Lock()
	defer r.pushMu.Unlock()
	ref := r.name.String() + "@" + root.Digest.String()
	if p, ok := r.pushers[ref]; ok {
		return p, nil
	}
	p, err := r.resolver.Pusher(ctx, ref)
	if err != nil {
		return nil, r.explain("push", err)
	}
	r.pushers[ref] = p
	return p, nil
}

// explain words what a registry or the network answered, with the command that mends it where there is one. Addresses are
// left out of it: those of redirects are signed, and as good as a password for a while.
func (r *Repository) explain(what string, err error) error {
	host := r.name.Host()
	var status remoteserrors.ErrUnexpectedStatus
	var network *url.Error
	var refused *RefusedError
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", what, context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", what, context.DeadlineExceeded)
	case errors.As(err, &refused):
		return fmt.Errorf("%s: %w", what, refused)
	case errors.Is(err, docker.ErrInvalidAuthorization):
		return fmt.Errorf("%s: %s denies access; log in with `bailey login %s`, and check the name: %w", what, host, host, errdefs.ErrPermissionDenied)
	case errors.As(err, &status):
		return explainStatus(what, host, status)
	case errdefs.IsNotFound(err):
		return fmt.Errorf("%s: %s does not have it: %w", what, host, errdefs.ErrNotFound)
	case errors.As(err, &network):
		return fmt.Errorf("%s: %s cannot be reached (%w): %w", what, host, network.Err, errdefs.ErrUnavailable)
	}
	return fmt.Errorf("%s at %s: %w", what, host, err)
}

// explainStatus words an HTTP status.
func explainStatus(what, host string, status remoteserrors.ErrUnexpectedStatus) error {
	answer := fmt.Sprintf("%s: %s answers %d %s%s", what, host, status.StatusCode, http.StatusText(status.StatusCode), message(status.Body))
	switch status.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s; log in with `bailey login %s`, and check the name: %w", answer, host, errdefs.ErrPermissionDenied)
	case http.StatusTooManyRequests:
		return fmt.Errorf("%s; wait, or log in with `bailey login %s`: %w", answer, host, errdefs.ErrUnavailable)
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w", answer, errdefs.ErrNotFound)
	}
	return fmt.Errorf("%s: %w", answer, errdefs.ErrUnavailable)
}

// message is what a registry says about an error (OCI distribution specification, "Error Codes"), quoted and cut.
func message(body []byte) string {
	var doc struct {
		Errors []struct{ Message string }
	}
	if json.Unmarshal(body, &doc) != nil || len(doc.Errors) == 0 || doc.Errors[0].Message == "" {
		return ""
	}
	text := doc.Errors[0].Message
	return fmt.Sprintf(" (%q)", text[:min(len(text), 200)])
}
