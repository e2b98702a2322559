package image

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/internal/image/registry"
)

func TestPullAndPush(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			reg := imagetest.NewRegistry()
			addr, certs := "", ""
			if scheme == "http" {
				addr = reg.StartHTTP(t)
			} else {
				addr, certs = reg.StartTLS(t)
			}
			s := openStore(t, func(o *Options) { o.CertsDir = certs })
			img := one("", "f", "x")
			img.Layers = append(img.Layers, imagetest.Layer{Files: []imagetest.File{imagetest.Reg("g", "y")}, Compression: "gzip"})
			built := reg.Add("team/app:1", img)
			var events []string
			got, err := s.Pull(ctx, addr+"/team/app:1", PullOptions{}, func(e Event) { events = append(events, e.ID+" "+e.Status) })
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != built.Manifest.Descriptor.Digest || got.RepoTags[0] != addr+"/team/app:1" {
				t.Errorf("%+v", got)
			}
			all := strings.Join(events, "\n")
			for _, want := range []string{"1 Pulling from team/app", short(built.Layers[1].Descriptor.Digest) + " Download complete", "Digest: " + got.ID.String(), "Status: Downloaded newer image"} {
				if !strings.Contains(all, want) {
					t.Errorf("no %q in\n%s", want, all)
				}
			}
			if err := s.Tag(ctx, addr+"/team/app:1", addr+"/other/app:2"); err != nil {
				t.Fatal(err)
			}
			if err := s.Push(ctx, addr+"/other/app:2", PushOptions{}, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Remove(ctx, got.ID.String(), RemoveOptions{Force: true}); err != nil {
				t.Fatal(err)
			}
			byDigest := addr + "/other/app@" + got.ID.String()
			if again, err := s.Pull(ctx, byDigest, PullOptions{}, nil); err != nil || again.ID != got.ID || again.Names[0] != byDigest {
				t.Errorf("%+v %v", again, err)
			}
		})
	}
}

func TestPullChoosesThePlatform(t *testing.T) {
	reg := imagetest.NewRegistry()
	addr := reg.StartHTTP(t)
	s := openStore(t, func(o *Options) { o.Platform = ocispec.Platform{OS: "linux", Architecture: "amd64"} })
	var entries []string
	for _, arch := range []string{"arm64", "amd64"} {
		img := one("", "arch", arch)
		img.Config.Platform = ocispec.Platform{OS: "linux", Architecture: arch}
		d := reg.Add("app:"+arch, img).Manifest.Descriptor
		entries = append(entries, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d,"platform":{"os":"linux","architecture":%q}}`, d.MediaType, d.Digest, d.Size, arch))
	}
	reg.AddManifest("app:all", ocispec.MediaTypeImageIndex, []byte(`{"schemaVersion":2,"manifests":[`+strings.Join(entries, ",")+`]}`))
	img, err := s.Pull(ctx, addr+"/app:all", PullOptions{}, nil)
	if err != nil || img.Platform.Architecture != "amd64" || img.ID == img.Manifest {
		t.Fatalf("%+v %v", img, err)
	}
	var buf bytes.Buffer
	if err := s.Save(ctx, []string{img.ID.String()}, &buf); err != nil {
		t.Fatal(err)
	}
	other := openStore(t, func(o *Options) { o.Platform = ocispec.Platform{OS: "linux", Architecture: "amd64"} })
	if got := load(t, other, buf.Bytes()); got[0].ID != img.ID {
		t.Errorf("the index became %s", got[0].ID)
	}
	if err := s.Tag(ctx, img.ID.String(), addr+"/app:mine"); err != nil {
		t.Fatal(err)
	}
	if err := s.Push(ctx, addr+"/app:mine", PushOptions{}, nil); err != nil {
		t.Fatal(err)
	}
	if mine, err := other.Pull(ctx, addr+"/app:mine", PullOptions{}, nil); err != nil || mine.ID != img.Manifest {
		t.Errorf("an incomplete index was pushed as %s: %v", mine.ID, err)
	}
	if _, err := s.Pull(ctx, addr+"/app:arm64", PullOptions{}, nil); class(err) != "config-platform" {
		t.Errorf("an image for arm64: %v", err)
	}
	if img, err := s.Pull(ctx, addr+"/app:all", PullOptions{Platform: &ocispec.Platform{OS: "linux", Architecture: "arm64"}}, nil); err != nil || img.ID == "" {
		t.Errorf("asked for arm64: %v", err)
	}
}

// pullFrom pulls app:1 from a registry that misbehaves, and returns the error and what is left.
func pullFrom(t *testing.T, before func(addr string) func(http.ResponseWriter, *http.Request) bool, cred Credential) error {
	t.Helper()
	reg := imagetest.NewRegistry()
	img := one("", "f", "x")
	reg.Add("app:1", img)
	addr := reg.StartHTTP(t)
	reg.Before = before(addr)
	s := openStore(t, nil)
	s.registry = registry.New(registry.Options{Document: 4 << 20, Stall: 300 * time.Millisecond})
	_, err := s.Pull(ctx, addr+"/app:1", PullOptions{Auth: cred}, nil)
	if err != nil {
		if left := remains(t, s); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	return err
}

// always makes a Before that needs no address.
func always(f func(w http.ResponseWriter, r *http.Request) bool) func(string) func(http.ResponseWriter, *http.Request) bool {
	return func(string) func(http.ResponseWriter, *http.Request) bool { return f }
}

func TestPullFromHostileRegistries(t *testing.T) {
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer stranger.Close()
	blob := func(r *http.Request) bool {
		return strings.Contains(r.URL.Path, "/blobs/") && r.Method == http.MethodGet
	}
	get := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/manifests/") }
	for want, before := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"digest-mismatch": func(w http.ResponseWriter, r *http.Request) bool {
			if blob(r) {
				_, _ = w.Write([]byte("something else"))
			}
			return blob(r)
		},
		"link-local": func(w http.ResponseWriter, r *http.Request) bool {
			if blob(r) {
				http.Redirect(w, r, "https://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
			}
			return blob(r)
		},
		"only https": func(w http.ResponseWriter, r *http.Request) bool {
			if blob(r) {
				http.Redirect(w, r, "http://example.com/blob", http.StatusTemporaryRedirect)
			}
			return blob(r)
		},
		"content encoding": func(w http.ResponseWriter, r *http.Request) bool {
			if blob(r) {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(imagetest.Gzip(make([]byte, 1<<20)))
			}
			return blob(r)
		},
		"larger than it may be": func(w http.ResponseWriter, r *http.Request) bool {
			if get(r) {
				w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
				for chunk := make([]byte, 1<<20); r.Method == http.MethodGet; {
					if _, err := w.Write(chunk); err != nil {
						return true
					}
				}
			}
			return get(r)
		},
		"nothing for": func(w http.ResponseWriter, r *http.Request) bool {
			if blob(r) {
				w.Header().Set("Content-Length", "1000")
				_, _ = w.Write([]byte("x"))
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
			return blob(r)
		},
		"media-type": func(w http.ResponseWriter, r *http.Request) bool {
			if get(r) {
				w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws")
				w.Header().Set("Docker-Content-Digest", digest.FromString("x").String())
				w.Header().Set("Content-Length", "1")
				_, _ = w.Write([]byte("x"))
			}
			return get(r)
		},
		"cannot be reached": func(w http.ResponseWriter, r *http.Request) bool {
			if blob(r) {
				http.Redirect(w, r, "https://127.0.0.1:1/blob?sig=s3cret", http.StatusTemporaryRedirect)
			}
			return blob(r)
		},
		"answers 418 I'm a teapot (\"no\\x1b coffee\")": func(w http.ResponseWriter, r *http.Request) bool {
			if blob(r) && r.URL.RawQuery == "" {
				http.Redirect(w, r, r.URL.Path+"?sig=s3cret", http.StatusTemporaryRedirect)
			} else if blob(r) {
				w.WriteHeader(http.StatusTeapot)
				_, _ = w.Write([]byte(`{"errors":[{"code":"X","message":"no\u001b coffee"}]}`))
			}
			return blob(r)
		},
		"bailey login": func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		},
		"does not have it": func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusNotFound)
			return true
		},
	} {
		t.Run(want, func(t *testing.T) {
			if err := pullFrom(t, always(before), Credential{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestSlowRetrieval feeds a byte now and then, each in time.
func TestSlowRetrieval(t *testing.T) {
	err := pullFrom(t, always(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") || r.Method != http.MethodGet {
			return false
		}
		w.Header().Set("Content-Length", "100000")
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte("x")); err != nil {
				return true
			}
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
		return true
	}), Credential{})
	if err == nil || !errors.Is(err, errdefs.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// TestCredentialsStayHome checks that neither redirects nor token servers of strangers get to see them.
func TestCredentialsStayHome(t *testing.T) {
	cred := NewCredential("user", "hunter2")
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:hunter2"))
	var leaked, used atomic.Bool
	cdn := imagetest.NewRegistry()
	cdn.Add("app:1", one("", "f", "x"))
	cdn.Before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			leaked.Store(true)
		}
		return false
	}
	elsewhere := cdn.StartHTTP(t)
	err := pullFrom(t, always(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != want {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		used.Store(true)
		if strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, "http://"+elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}
		return false
	}), cred)
	if err != nil || !used.Load() || leaked.Load() {
		t.Errorf("err %v, used %v, leaked %v", err, used.Load(), leaked.Load())
	}
	err = pullFrom(t, always(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://evil.example.org/token",service="x",scope="repository:app:pull"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}), cred)
	if err == nil || !strings.Contains(err.Error(), "would get your password") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestTokenServerOfTheRegistry(t *testing.T) {
	var asked atomic.Bool
	err := pullFrom(t, func(addr string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case r.URL.Path == "/token":
				_ = r.ParseForm()
				asked.Store(r.PostForm.Get("password") == "hunter2")
				_, _ = w.Write([]byte(`{"access_token":"t0ken"}`))
				return true
			case r.Header.Get("Authorization") != "Bearer t0ken":
				w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+addr+`/token",service="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			return false
		}
	}, NewCredential("user", "hunter2"))
	if err != nil || !asked.Load() {
		t.Errorf("%v, asked %v", err, asked.Load())
	}
}

func TestPullStopsWithItsContext(t *testing.T) {
	reg := imagetest.NewRegistry()
	reg.Add("app:1", one("", "f", "x"))
	addr := reg.StartHTTP(t)
	c, cancel := context.WithCancel(ctx)
	reg.Before = func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/blobs/") {
			cancel()
			<-r.Context().Done()
		}
		return false
	}
	s := openStore(t, nil)
	if _, err := s.Pull(c, addr+"/app:1", PullOptions{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := remains(t, s); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
