package api

import (
	"fmt"
	"strings"
)

// route is one line of the table in routes.go.
type route struct {
	method string
	// path may hold one variable part: {name} is one segment, {name...} any number.
	path    string
	action  string
	mutates bool
	handle  func(*call) error
}

// pattern is a path with a variable part.
type pattern struct {
	*route
	prefix, suffix string // with their slashes
	many           bool   // the variable part may hold slashes
}

// router finds routes. It is not net/http's: names of images hold slashes in
// the middle of a path, a version may precede it, and nothing is ever redirected.
type router struct {
	exact    map[string]*route    // by method and path
	patterns map[string][]pattern // by method and first segment
}

func newRouter(routes []route) (*router, error) {
	rt := &router{exact: make(map[string]*route), patterns: make(map[string][]pattern)}
	seen := make(map[string]bool)
	for i := range routes {
		r := &routes[i]
		if seen[r.method+r.path] {
			return nil, fmt.Errorf("api: two routes for %s %s", r.method, r.path)
		}
		seen[r.method+r.path] = true
		before, after, ok := strings.Cut(r.path, "{name")
		if !ok {
			rt.exact[r.method+r.path] = r
			continue
		}
		p := pattern{route: r, prefix: before}
		p.suffix, p.many = strings.CutPrefix(after, "...")
		p.suffix = strings.TrimPrefix(p.suffix, "}")
		key := r.method + first(before)
		rt.patterns[key] = append(rt.patterns[key], p)
	}
	return rt, nil
}

// first is the first segment of a path that begins with a slash.
func first(path string) string {
	head, _, _ := strings.Cut(path[1:], "/")
	return head
}

// find returns the route for a path without version, and the variable part.
// When several fit, the one with the longest fixed end wins.
func (rt *router) find(method, path string) (found *route, name string) {
	if r, ok := rt.exact[method+path]; ok {
		return r, ""
	}
	if path == "" || path[0] != '/' {
		return nil, ""
	}
	best := -1
	for _, p := range rt.patterns[method+first(path)] {
		if len(p.suffix) <= best {
			continue
		}
		rest, ok := strings.CutPrefix(path, p.prefix)
		if !ok {
			continue
		}
		if rest, ok = strings.CutSuffix(rest, p.suffix); !ok {
			continue
		}
		rest = strings.TrimPrefix(rest, "/") // names are also written with a leading slash
		if rest == "" || !p.many && strings.Contains(rest, "/") {
			continue
		}
		found, name, best = p.route, rest, len(p.suffix)
	}
	return found, name
}
