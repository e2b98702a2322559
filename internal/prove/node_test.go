package prove

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestTidy: what a proof left that ended with its daemon is removed, and nothing else.
func TestTidy(t *testing.T) {
	var mu sync.Mutex
	var removed []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.Method == http.MethodDelete:
			removed = append(removed, r.URL.Path[strings.Index(r.URL.Path[1:], "/")+1:])
			w.WriteHeader(http.StatusNoContent)
		case strings.HasSuffix(r.URL.Path, "/containers/json") && strings.Contains(r.URL.RawQuery, "run.bailey.prove"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `[{"Id":"twin"}]`)
		case strings.HasSuffix(r.URL.Path, "/networks") && strings.Contains(r.URL.RawQuery, "run.bailey.prove"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `[{"Id":"common"}]`)
		default:
			w.Header().Set("Api-Version", "1.50")
		}
	}))
	defer server.Close()
	n := NewNode(NodeOptions{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}})
	if err := n.tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(removed) < 2 || removed[0] != "/containers/twin" || removed[1] != "/networks/common" || slices.ContainsFunc(removed[2:], func(p string) bool { return !strings.HasPrefix(p, "/images/") }) {
		t.Errorf("removed %q", removed)
	}
}

// TestWhoLeavesDoesNotWait: a proof that nobody waits for any more is not made.
func TestWhoLeavesDoesNotWait(t *testing.T) {
	n := NewNode(NodeOptions{Program: func() ([]byte, error) { return nil, errors.New("it was begun") }})
	if err := n.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer n.leave()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Prove(ctx, "", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
