package workloads_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

// nginx serves files as www-data, with a configuration that keeps to /tmp.
var nginx = workload{
	name: "nginx",
	run:  []string{"-p", "8080:8080", "nginx-hardened:debian"},
	first: func(t *testing.T, s service) {
		if user := s.inside(t, "id", "-un"); user != "www-data" {
			t.Errorf("it runs as %s", user)
		}
	},
	again: func(t *testing.T, s service) { s.page(t, "8080", "It works") },
}

// shipped runs nginx as Debian ships it, which writes to two directories that no volume is for: what `bailey logs` says makes it
// work.
func shipped(t *testing.T, n *harness.Node) {
	s := service{n, "shipped"}
	var heeded []string
	for range 3 {
		n.MustBailey(t, slices.Concat([]string{"run", "-d", "--name", s.name, "-p", "8082:80"}, heeded, []string{"nginx:debian"})...)
		s.eventually(t, "an end or a page", func(ctx context.Context) error {
			if n.MustBailey(t, "inspect", "--format", "{{.State.Status}}", s.name) == "exited\n" {
				return nil
			}
			_, err := s.Get(ctx, "http://127.0.0.1:8082/")
			return err
		})
		logs := n.Bailey(t.Context(), "logs", s.name)
		advice := option.FindStringSubmatch(logs.Stderr)
		if advice == nil {
			break
		}
		heeded = append(heeded, advice[1], advice[2])
		n.MustBailey(t, "rm", "-v", s.name)
	}
	s.page(t, "8082", "Welcome to nginx")
	if want := []string{"--tmpfs", "/var/lib/nginx", "-v", "/var/log/nginx"}; !slices.Equal(heeded, want) {
		t.Errorf("the advice was %q, want %q", heeded, want)
	}
	s.unrelaxed(t) // none of it makes the posture weaker
	n.MustBailey(t, "rm", "-fv", s.name)
}

// option is what an explanation advises first.
var option = regexp.MustCompile(`bailey: .* with (-\S+) (/\S+?)[ ,]`)

// hello is a Go program that is alone in its image.
var hello = workload{
	name:  "hello",
	run:   []string{"-p", "8081:8080", "hello:scratch"},
	first: func(*testing.T, service) {},
	again: func(t *testing.T, s service) { s.page(t, "8081", "hello from") },
}

// python is Flask behind gunicorn, with a cache that it finds by name.
var python = workload{
	name: "python",
	run:  []string{"--network", "app", "-e", "CACHE=cache", "-p", "8000:8000", "python:debian"},
	first: func(t *testing.T, s service) {
		s.eventually(t, "the cache by its name", func(ctx context.Context) error {
			hits, err := s.Get(ctx, "http://127.0.0.1:8000/hits")
			if err == nil && hits == "" {
				err = fmt.Errorf("it counted %q", hits)
			}
			return err
		})
	},
	again: func(t *testing.T, s service) {
		s.page(t, "8000", `"callback":[1,2,3]`, `"child":"child"`, `"squares":[1,4,9]`, `"stored":42`, `"uid":10001`)
	},
}

// node is JavaScript that V8 compiles, WebAssembly, threads and children.
var node = workload{
	name:  "node",
	run:   []string{"-p", "3000:3000", "node:debian"},
	first: func(*testing.T, service) {},
	again: func(t *testing.T, s service) {
		s.page(t, "3000", `"uid":10001`, `"wasm":42`, `"thread":42`, `"file":"text"`, `"child":"child"`, `"localhost":"127.0.0.1"`)
	},
}

// page asks for the first page at a published port, and wants texts in it.
func (s service) page(t *testing.T, port string, want ...string) {
	t.Helper()
	s.eventually(t, "its page", func(ctx context.Context) error {
		page, err := s.Get(ctx, "http://127.0.0.1:"+port+"/")
		for _, text := range want {
			if err == nil && !strings.Contains(page, text) {
				err = fmt.Errorf("the page lacks %s: %s", text, page)
			}
		}
		return err
	})
}
