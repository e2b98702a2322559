package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/image"
)

var update = flag.Bool("update", false, "rewrite testdata/golden with what the server answers")

// TestGoldenAnswers: the answers, headers included, as clients of the oldest,
// a middle and the newest version see them.
func TestGoldenAnswers(t *testing.T) {
	f := newFake()
	f.loaded = []image.Event{{ID: "layer", Status: "Unpacking", Current: 1, Total: 2}, {Status: "Loaded image: debian:12"}}
	f.archive = "tar"
	n := startNode(t, f)
	for _, request := range []string{
		"HEAD /_ping", "GET /_ping", "GET /version", "GET /info", "GET /containers/json", "GET /containers/web/top", "GET /containers/web/changes",
		"HEAD /containers/web/archive?path=/a", "GET /containers/web/archive?path=/a", "GET /images/json", "GET /images/a/b/json", "GET /images/a/history", "GET /images/get?names=a",
		"POST /images/load?quiet=0", "POST /images/create?fromImage=a&tag=1", "DELETE /images/a/b", "GET /system/df", "GET /system/df?verbose=1",
		"GET /networks", "GET /networks/n", "GET /volumes", "GET /volumes/data", "POST /containers/prune", "POST /images/prune", "POST /build/prune", "POST /containers/web/stop",
		"GET /plugins", "GET /swarm", "GET /services", "POST /build", "GET /no/such/page",
	} {
		name := strings.NewReplacer("/", "_", "?", "_", "=", "", "&", "_", " ", "").Replace(request)
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			for _, v := range []string{"/v1.40", "/v1.51", ""} {
				method, path, _ := strings.Cut(request, " ")
				resp := n.raw(t, fmt.Sprintf("%s %s%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", method, v, path))
				text, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				resp.Header.Del("Date")
				fmt.Fprintf(&got, "== %s%s\n%s\n", v, path, resp.Status)
				if err := resp.Header.Write(&got); err != nil {
					t.Fatal(err)
				}
				var pretty bytes.Buffer
				if json.Indent(&pretty, text, "", "  ") == nil {
					text = pretty.Bytes()
				}
				fmt.Fprintf(&got, "\n%s\n", bytes.TrimSpace(text))
			}
			file := filepath.Join("testdata", "golden", name+".txt")
			plain := bytes.ReplaceAll(got.Bytes(), []byte("\r"), nil)
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, plain, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(plain, want) {
				t.Errorf("%s: got\n%s\nwant\n%s\nif that is meant: go test ./internal/api -run Golden -update", request, plain, want)
			}
		})
	}
}

// TestNode: Bailey's own tools learn who they are to the node.
func TestNode(t *testing.T) {
	resp := startNode(t, newFake()).raw(t, "GET /bailey/v1/node HTTP/1.1\r\nHost: bailey\r\n\r\n")
	var got NodeResponse
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "host" || got.Version != "1.2.3" || got.APIVersion != MaxVersion || got.Runtime != "runc" || got.Caller.UID != uint32(os.Geteuid()) {
		t.Errorf("got %+v", got)
	}
}

// TestPlan: the body is that of a create, and nothing is created.
func TestPlan(t *testing.T) {
	f := newFake()
	resp := startNode(t, f).raw(t, strings.Replace(create(harmless), "/v1.41/containers/create", "/bailey/v1/plan", 1))
	var got PlanResponse
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	calls := f.called()
	if resp.StatusCode != 200 || len(got.Controls) != 1 || len(calls) != 1 || !strings.HasPrefix(calls[0], "Plan x") {
		t.Errorf("got %d %+v, calls %q", resp.StatusCode, got, calls)
	}
}
