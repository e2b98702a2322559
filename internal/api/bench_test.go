package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/bailey-run/bailey/internal/engine"
)

// BenchmarkCreate and BenchmarkStart measure what the server adds to a request
// on a connection that is there already; BenchmarkConnect adds the connection
// and who is at its other end.
func BenchmarkCreate(b *testing.B) {
	text, err := os.ReadFile("testdata/clients/docker-28.2/create.json")
	if err != nil {
		b.Fatal(err)
	}
	exchange(b, create(string(text)), 201, false)
}

func BenchmarkStart(b *testing.B) {
	exchange(b, "POST /v1.51/containers/web/start HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n", 204, false)
}

func BenchmarkConnect(b *testing.B) {
	exchange(b, "POST /v1.51/containers/web/start HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n", 204, true)
}

// idleEngine notes nothing, so that its memory does not count.
type idleEngine struct{ *fakeEngine }

func (idleEngine) Start(context.Context, string) error { return nil }
func (idleEngine) Create(context.Context, engine.CreateRequest) (engine.CreateResult, error) {
	return engine.CreateResult{ID: "0123456789ab"}, nil
}

func exchange(b *testing.B, request string, want int, connect bool) {
	s, err := New(Options{Engine: idleEngine{newFake()}})
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "s")
	ln, err := Listen(path, "")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Serve(b.Context(), ln) }()
	var conn net.Conn
	var in *bufio.Reader
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i == 0 || connect {
			if conn != nil {
				_ = conn.Close()
			}
			if conn, err = net.Dial("unix", path); err != nil {
				b.Fatal(err)
			}
			in = bufio.NewReader(conn)
		}
		fmt.Fprint(conn, request)
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != want {
			b.Fatal(resp, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
	}
	_ = conn.Close()
}
