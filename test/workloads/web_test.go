package workloads_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
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
