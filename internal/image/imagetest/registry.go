package imagetest

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
)

// Registry is a small image registry (OCI distribution specification 1.1, without deletion and listing) that keeps everything
// in memory. It can be made to misbehave.
type Registry struct {
	// Before, when set, sees every request first; it returns true when it has answered it.
	Before func(w http.ResponseWriter, r *http.Request) bool

	mu        sync.Mutex
	blobs     map[digest.Digest][]byte
	manifests map[string]manifest // "repository:tag" and "repository@digest"
	requests  []string
}

// manifest is a stored manifest with its type.
type manifest struct {
	mediaType string
	data      []byte
}

// NewRegistry makes an empty registry.
func NewRegistry() *Registry {
	return &Registry{blobs: map[digest.Digest][]byte{}, manifests: map[string]manifest{}}
}

// Add stores an image under "repository:tag".
func (g *Registry) Add(name string, img Image) Built {
	built := img.Build()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range append([]Blob{built.Config}, built.Layers...) {
		g.blobs[b.Descriptor.Digest] = b.Data
	}
	g.put(name, manifest{built.Manifest.Descriptor.MediaType, built.Manifest.Data})
	return built
}

// AddManifest stores a document of any type under "repository:tag".
func (g *Registry) AddManifest(name, mediaType string, data []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.put(name, manifest{mediaType, data})
}

// put stores a manifest by tag and by digest.
func (g *Registry) put(name string, m manifest) {
	repo, _, _ := strings.Cut(name, ":")
	g.manifests[name] = m
	g.manifests[repo+"@"+digest.FromBytes(m.data).String()] = m
}

// Requests lists all requests so far as "METHOD path".
func (g *Registry) Requests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.requests...)
}

// StartHTTP serves the registry over plain HTTP on a loopback address, which it returns ("127.0.0.1:port").
func (g *Registry) StartHTTP(tb testing.TB) string {
	tb.Helper()
	s := httptest.NewUnstartedServer(g)
	// Clients try TLS first even on loopback, which the server would report each time.
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	tb.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// StartTLS serves the registry over TLS with a certificate of its own, for 127.0.0.1 and example.com. It returns the address
// and a directory of certificates in which the registry's authority is trusted.
func (g *Registry) StartTLS(tb testing.TB) (addr, certsDir string) {
	tb.Helper()
	s := httptest.NewUnstartedServer(g)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.StartTLS()
	tb.Cleanup(s.Close)
	addr, certsDir = s.Listener.Addr().String(), tb.TempDir()
	if err := os.Mkdir(filepath.Join(certsDir, addr), 0o700); err != nil {
		tb.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(certsDir, addr, "ca.crt"), authority, 0o600); err != nil {
		tb.Fatal(err)
	}
	return addr, certsDir
}

// Paths of the distribution API.
var (
	manifestPath = regexp.MustCompile(`^/v2/(.+)/manifests/([^/]+)$`)
	uploadPath   = regexp.MustCompile(`^/v2/(.+)/blobs/uploads/([^/]*)$`)
	blobPath     = regexp.MustCompile(`^/v2/(.+)/blobs/(sha256:[0-9a-f]{64})$`)
)

// ServeHTTP answers as a registry.
func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.requests = append(g.requests, r.Method+" "+r.URL.Path)
	g.mu.Unlock()
	if g.Before != nil && g.Before(w, r) {
		return
	}
	switch {
	case r.URL.Path == "/v2/":
	case manifestPath.MatchString(r.URL.Path):
		m := manifestPath.FindStringSubmatch(r.URL.Path)
		g.manifest(w, r, m[1], m[2])
	case uploadPath.MatchString(r.URL.Path):
		g.upload(w, r)
	case blobPath.MatchString(r.URL.Path):
		g.blob(w, r, digest.Digest(blobPath.FindStringSubmatch(r.URL.Path)[2]))
	default:
		http.NotFound(w, r)
	}
}

// manifest answers GET, HEAD and PUT of a manifest.
func (g *Registry) manifest(w http.ResponseWriter, r *http.Request, repo, ref string) {
	key := repo + ":" + ref
	if strings.Contains(ref, ":") {
		key = repo + "@" + ref
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Method == http.MethodPut {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		m := manifest{r.Header.Get("Content-Type"), data}
		g.manifests[key], g.manifests[repo+"@"+digest.FromBytes(data).String()] = m, m
		w.Header().Set("Docker-Content-Digest", digest.FromBytes(data).String())
		w.WriteHeader(http.StatusCreated)
		return
	}
	m, ok := g.manifests[key]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", m.mediaType)
	serve(w, r, m.data)
}

// blob answers GET and HEAD of a blob.
func (g *Registry) blob(w http.ResponseWriter, r *http.Request, id digest.Digest) {
	g.mu.Lock()
	data, ok := g.blobs[id]
	g.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	serve(w, r, data)
}

// serve sends data with its digest.
func serve(w http.ResponseWriter, r *http.Request, data []byte) {
	w.Header().Set("Docker-Content-Digest", digest.FromBytes(data).String())
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(data)
	}
}

// upload answers the POST and the PUT of a monolithic upload.
func (g *Registry) upload(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		w.Header().Set("Location", strings.TrimSuffix(r.URL.Path, "/")+"/1")
		w.WriteHeader(http.StatusAccepted)
		return
	}
	data, err := io.ReadAll(r.Body)
	id := digest.Digest(r.URL.Query().Get("digest"))
	if err != nil || digest.FromBytes(data) != id {
		http.Error(w, "digest mismatch", http.StatusBadRequest)
		return
	}
	g.mu.Lock()
	g.blobs[id] = data
	g.mu.Unlock()
	w.Header().Set("Docker-Content-Digest", id.String())
	w.WriteHeader(http.StatusCreated)
}
