package api

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/engine"
)

func TestParseFilters(t *testing.T) {
	for _, tc := range []struct {
		raw   string
		want  engine.Filters
		fails string
	}{
		{`{}`, engine.Filters{}, ""},
		{`{"label":["b","a"]}`, engine.Filters{"label": {"b", "a"}}, ""},
		{`{"label":{"b":true,"a":true},"id":{"x":true}}`, engine.Filters{"label": {"a", "b"}, "id": {"x"}}, ""},
		{`{"label":{"a":false}}`, nil, "given as false"},
		{`{"label":{"a":true},"label":{"b":true}}`, nil, "given twice"},
		{`{"label":["a"],"label":["b"]}`, nil, "given twice"},
		{`{"label":{"a":true},"id":["x"]}`, nil, "an object is expected, not an array"},
		{`{"label":"a"}`, nil, "expected"},
		{`{"label":["a"]} x`, nil, "more after the end"},
		{`["label"]`, nil, "expected"},
		{`label=a`, nil, "not JSON"},
		{`{"label":[["a"]]}`, nil, "expected"},
		{`{"label":["` + strings.Repeat("a", maxFilterBytes) + `"]}`, nil, "larger than"},
		{`{"label":[` + strings.Repeat(`"a",`, maxFilterValues) + `"a"]}`, nil, "more than"},
	} {
		got, err := parseFilters(tc.raw)
		switch {
		case tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails) || status(err) != 400):
			t.Errorf("%.80s: got %v, want an error with %q", tc.raw, err, tc.fails)
		case tc.fails == "" && (err != nil || !reflect.DeepEqual(got, tc.want)):
			t.Errorf("%.80s: got %v %v, want %v", tc.raw, got, err, tc.want)
		}
	}
}

func TestQuery(t *testing.T) {
	for raw, want := range map[string]bool{
		"": false, "x": false, "x=": false, "x=0": false, "x=no": false, "x=False": false, "x=none": false, "x=+0+": false,
		"x=1": true, "x=true": true, "x=yes": true, "X=1": false,
	} {
		if got := parseQuery(raw).flag("x"); got != want {
			t.Errorf("%q: got %v", raw, got)
		}
	}
	for raw, want := range map[string]time.Time{
		"": {}, "t=0": {}, "t=1": time.Unix(1, 0), "t=-1": time.Unix(-1, 0), "t=1.5": time.Unix(1, 5e8), "t=1.000000001": time.Unix(1, 1),
		"t=1.0000000019": time.Unix(1, 1), "t=2026-01-02T03:04:05Z": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	} {
		q := parseQuery(raw)
		if got := q.moment("t"); !got.Equal(want) || q.err != nil {
			t.Errorf("%q: got %v, %v", raw, got, q.err)
		}
	}
	for _, raw := range []string{"t=x", "t=1.x", "t=1.-5", "t=99999999999999999999", "t=9223372036854775807", "t=1.000000000000000000000", "t=1&t=2", "t=%00"} {
		if q := parseQuery(raw); q.moment("t") != (time.Time{}) || q.err == nil {
			t.Errorf("%q was accepted", raw)
		}
	}
	for _, raw := range []string{"n=x", "n=1.5", "n=99999999999999999999", "n=1&n=1"} {
		if q := parseQuery(raw); q.number("n") != nil || q.err == nil {
			t.Errorf("%q was accepted", raw)
		}
	}
	for _, raw := range []string{"", "h=", "h=-1", "h=65536", "h=+1", "h=0x1"} {
		if q := parseQuery(raw); q.cells("h", "height") != 0 || q.err == nil {
			t.Errorf("%q was accepted", raw)
		}
	}
	if q := parseQuery("h=65535"); q.cells("h", "height") != 65535 || q.err != nil {
		t.Errorf("65535 was not accepted: %v", q.err)
	}
}

func TestAccepted(t *testing.T) {
	for _, tc := range []struct {
		accept []string
		want   string
	}{
		{nil, "x"},
		{[]string{"*/*"}, "x"},
		{[]string{"application/json"}, "x"},
		{[]string{"application/x-ndjson"}, "application/x-ndjson"},
		{[]string{"application/jsonl", "application/x-ndjson;q=0.9", "application/json-seq;q=0.5"}, "application/jsonl"},
		{[]string{"application/jsonl;q=0.1, application/json-seq;q=0.5"}, "application/json-seq"},
		{[]string{"application/jsonl;q=0"}, "x"},
		{[]string{"application/jsonl;q=bad", ";;;"}, "x"},
	} {
		if got := accepted(http.Header{"Accept": tc.accept}, "x"); got != tc.want {
			t.Errorf("%q: got %s", tc.accept, got)
		}
	}
}

func TestRouter(t *testing.T) {
	rt, err := newRouter(routes())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ method, path, action, name string }{
		{get, "/containers/json", "container.list", ""},
		{get, "/containers/json/json", "container.inspect", "json"},
		{get, "/containers//web/json", "container.inspect", "web"},
		{get, "/containers/a/b/json", "", ""},
		{get, "/containers//json", "", ""},
		{get, "/containers/json/", "", ""},
		{get, "/containers/web/attach/ws", "container.attach", "web"},
		{del, "/containers/web", "container.remove", "web"},
		{del, "/containers/a/b", "", ""},
		{del, "/containers/", "", ""},
		{post, "/containers/create", "container.create", ""},
		{post, "/containers/create/start", "container.start", "create"},
		{post, "/containers/web", "", ""},
		{put, "/containers/web/archive", "container.copy-to", "web"},
		{get, "/images/a/b/c:1/json", "image.inspect", "a/b/c:1"},
		{get, "/images/json/json", "image.inspect", "json"},
		{get, "/images/get", "image.save", ""},
		{get, "/images/a/get", "image.save", "a"},
		{del, "/images/a/json", "image.remove", "a/json"},
		{post, "/images/a/b/tag", "image.tag", "a/b"},
		{get, "/networks/create", "network.inspect", "create"},
		{post, "/networks/create", "network.create", ""},
		{get, "/plugins/privileges", "plugin.install", ""},
		{get, "/Containers/json", "", ""},
		{get, "", "", ""},
		{get, "x", "", ""},
		{get, "/", "", ""},
	} {
		r, name := rt.find(tc.method, tc.path)
		action := ""
		if r != nil {
			action = r.action
		}
		if action != tc.action || name != tc.name {
			t.Errorf("%s %s: got %q %q, want %q %q", tc.method, tc.path, action, name, tc.action, tc.name)
		}
	}
	if _, err := newRouter([]route{{method: get, path: "/a"}, {method: get, path: "/a"}}); err == nil {
		t.Error("two routes of one path were accepted")
	}
}

func TestSplitVersion(t *testing.T) {
	for _, tc := range []struct{ path, version, rest, fails string }{
		{"/info", "1.56", "/info", ""},
		{"/v1.40/info", "1.40", "/info", ""},
		{"/v1.56/containers/json", "1.56", "/containers/json", ""},
		{"/v1.56", "1.56", "/", ""},
		{"/v1.9/info", "1.9", "/info", "too old"},
		{"/v0.1/info", "0.1", "/info", "too old"},
		{"/v2.0/info", "2.0", "/info", "too new"},
		{"/v1.60/info", "1.60", "/info", "too new"},
		{"/version", "1.56", "/version", ""},
		{"/volumes", "1.56", "/volumes", ""},
		{"/v1/info", "1.56", "/v1/info", ""},
		{"/v1.40.1/info", "1.56", "/v1.40.1/info", ""},
		{"/v1.-40/info", "1.56", "/v1.-40/info", ""},
	} {
		v, rest, err := splitVersion(tc.path)
		if v.String() != tc.version || rest != tc.rest || (err != nil) != (tc.fails != "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
			t.Errorf("%s: got %s %s %v", tc.path, v, rest, err)
		}
	}
}

// TestDocumentedEndpoints: everything that the API's description names gets an
// answer of its own, if only that it is not supported.
func TestDocumentedEndpoints(t *testing.T) {
	rt, err := newRouter(routes())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(documented) {
		path, methods, _ := strings.Cut(strings.TrimSpace(line), " ")
		path = strings.NewReplacer("{id}", "a", "{name}", "a").Replace(path)
		for method := range strings.SplitSeq(methods, " ") {
			if r, _ := rt.find(method, path); r == nil {
				t.Errorf("%s %s is not answered", method, path)
			}
		}
	}
}

// documented are the endpoints of Docker's description of API 1.56.
const documented = `/containers/json GET
/containers/create POST
/containers/{id}/json GET
/containers/{id}/top GET
/containers/{id}/logs GET
/containers/{id}/changes GET
/containers/{id}/export GET
/containers/{id}/stats GET
/containers/{id}/resize POST
/containers/{id}/start POST
/containers/{id}/stop POST
/containers/{id}/restart POST
/containers/{id}/kill POST
/containers/{id}/update POST
/containers/{id}/rename POST
/containers/{id}/pause POST
/containers/{id}/unpause POST
/containers/{id}/attach POST
/containers/{id}/attach/ws GET
/containers/{id}/wait POST
/containers/{id} DELETE
/containers/{id}/archive HEAD GET PUT
/containers/prune POST
/images/json GET
/build POST
/build/prune POST
/images/create POST
/images/{name}/json GET
/images/{name}/attestations GET
/images/{name}/history GET
/images/{name}/push POST
/images/{name}/tag POST
/images/{name} DELETE
/images/search GET
/images/prune POST
/auth POST
/info GET
/version GET
/_ping GET HEAD
/commit POST
/events GET
/system/df GET
/images/{name}/get GET
/images/get GET
/images/load POST
/containers/{id}/exec POST
/exec/{id}/start POST
/exec/{id}/resize POST
/exec/{id}/json GET
/volumes GET
/volumes/create POST
/volumes/{name} GET PUT DELETE
/volumes/prune POST
/networks GET
/networks/{id} GET DELETE
/networks/create POST
/networks/{id}/connect POST
/networks/{id}/disconnect POST
/networks/prune POST
/plugins GET
/plugins/privileges GET
/plugins/pull POST
/plugins/{name}/json GET
/plugins/{name} DELETE
/plugins/{name}/enable POST
/plugins/{name}/disable POST
/plugins/{name}/upgrade POST
/plugins/create POST
/plugins/{name}/push POST
/plugins/{name}/set POST
/nodes GET
/nodes/{id} GET DELETE
/nodes/{id}/update POST
/swarm GET
/swarm/init POST
/swarm/join POST
/swarm/leave POST
/swarm/update POST
/swarm/unlockkey GET
/swarm/unlock POST
/services GET
/services/create POST
/services/{id} GET DELETE
/services/{id}/update POST
/services/{id}/logs GET
/tasks GET
/tasks/{id} GET
/tasks/{id}/logs GET
/secrets GET
/secrets/create POST
/secrets/{id} GET DELETE
/secrets/{id}/update POST
/configs GET
/configs/create POST
/configs/{id} GET DELETE
/configs/{id}/update POST
/distribution/{name}/json GET
/session POST`

// FuzzFilters: both forms are read without harm, and what is read can be said
// again in the plainer form with the same meaning.
func FuzzFilters(f *testing.F) {
	for _, seed := range []string{`{"label":["a"]}`, `{"label":{"a":true}}`, `{}`, `{"a":null}`, `{"a":{"b":false}}`, `[`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := parseFilters(raw)
		if err != nil {
			if clean(message(err)) != message(err) {
				t.Errorf("the error holds what a terminal would obey: %q", err)
			}
			return
		}
		for key, values := range got {
			if strings.ContainsRune(key, 0) || len(values) > maxFilterValues {
				t.Errorf("%q: %q", key, values)
			}
		}
	})
}

// FuzzRequestLine: whatever the path and query, a request is routed or refused,
// and no name that reaches a handler holds what could be taken for a path.
func FuzzRequestLine(f *testing.F) {
	rt, err := newRouter(routes())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"/v1.40/containers/a/json?all=1", "/images/a/b/json", "/containers/%2e%2e/json", "//x", "/v1.41/v1.41/info", "/exec/a/start?t=1.5&n=-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		v, rest, err := splitVersion(u.Path)
		if err == nil && (v < minVersion || v > maxVersion) {
			t.Errorf("%q: version %s passed", target, v)
		}
		for _, method := range []string{get, head, post, put, del} {
			r, name := rt.find(method, rest)
			if r != nil && strings.Contains(r.path, "{name}") && (name == "" || strings.Contains(name, "/")) {
				t.Errorf("%q: %s got the name %q", target, r.path, name)
			}
		}
		q := parseQuery(u.RawQuery)
		q.moment("t")
		q.number("n")
		q.cells("h", "height")
		q.flag("x")
		q.filters()
		if q.err != nil && status(q.err) != 400 {
			t.Errorf("%q: %v", target, q.err)
		}
	})
}
