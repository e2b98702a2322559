package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/common"
)

// create is a create request with a body.
func create(body string) string {
	return fmt.Sprintf("POST /v1.41/containers/create?name=x HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

const harmless = `{"Image":"a","HostConfig":{"Privileged":false}}`

// TestHostileRequests: none of these reaches the engine. Each is named after
// what it tries to be taken for.
func TestHostileRequests(t *testing.T) {
	f := newFake()
	n := startNode(t, f)
	json := "Content-Type: application/json\r\n"
	chunk := func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }
	big := `{"Image":"a","Labels":{"a":"` + strings.Repeat("a", 5<<20) + `"},"HostConfig":{"Privileged":true}}`
	for _, tc := range []struct {
		name, request string
		status        int
		says          string
	}{
		{"A-CASE lower-case keys", create(`{"Image":"a","hostconfig":{"privileged":true}}`), 400, `hostconfig: this key is unknown; write it \"HostConfig\"`},
		{"A-CASE lower-case key inside", create(`{"Image":"a","HostConfig":{"privileged":true}}`), 400, `HostConfig.privileged`},
		{"A-CASE duplicate key", create(`{"Image":"a","HostConfig":{},"HostConfig":{"Privileged":true}}`), 400, "HostConfig: this key is given twice"},
		{"A-CASE duplicate key, escaped", create(`{"Image":"a","HostConfig":{"Privileged":false,"Privileg\u0065d":true}}`), 400, "given twice"},
		{"unknown key", create(`{"Image":"a","HostConfig":{"Priviledged":true}}`), 400, "HostConfig.Priviledged: this key is unknown"},
		{"second document", create(harmless + `{"HostConfig":{"Privileged":true}}`), 400, "more after the end"},
		{"invalid UTF-8", create("{\"Image\":\"a\xff\"}"), 400, "UTF-8"},
		{"overflow", create(`{"Image":"a","HostConfig":{"Memory":18446744073709551616}}`), 400, "HostConfig.Memory"},
		{"depth", create(`{"Image":"a","X":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}"), 400, "X: this key is unknown"},
		{"A-34040 body over the limit", create(big), 413, "larger than"},
		{"A-34040 the same in chunks", "POST /containers/create HTTP/1.1\r\nHost: docker\r\n" + json + "Transfer-Encoding: chunked\r\n\r\n" +
			chunk(big[:3<<20]) + chunk(big[3<<20:]) + "0\r\n\r\n", 413, "larger than"},
		{"A-41110 length 0 and a body", "POST /containers/create HTTP/1.1\r\nHost: docker\r\n" + json + "Content-Length: 0\r\n\r\n" + `{"HostConfig":{"Privileged":true}}`, 400, "config cannot be empty"},
		{"empty chunked body", "POST /containers/create HTTP/1.1\r\nHost: docker\r\n" + json + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "it is empty"},
		{"no content type", "POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Length: 47\r\n\r\n" + harmless, 400, "Content-Type"},
		{"a page's content type", "POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: text/plain\r\nContent-Length: 47\r\n\r\n" + harmless, 400, "must be 'application/json'"},
		{"a form", "POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 47\r\n\r\n" + harmless, 400, "Content-Type"},
		{"compressed body", "POST /containers/create HTTP/1.1\r\nHost: docker\r\n" + json + "Content-Encoding: gzip\r\nContent-Length: 47\r\n\r\n" + harmless, 400, "compressed"},
		{"another charset", "POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json; charset=utf-16\r\nContent-Length: 47\r\n\r\n" + harmless, 400, "charset"},
		{"A-HOST", strings.Replace(create(harmless), "Host: docker", "Host: evil.example", 1), 403, "Host header"},
		{"A-HOST rebinding", strings.Replace(create(harmless), "Host: docker", "Host: evil.example:2375", 1), 403, "Host header"},
		{"Origin", strings.Replace(create(harmless), "\r\n\r\n", "\r\nOrigin: https://evil.example\r\n\r\n", 1), 403, "web page"},
		{"Sec-Fetch", strings.Replace(create(harmless), "\r\n\r\n", "\r\nSec-Fetch-Site: cross-site\r\n\r\n", 1), 403, "web page"},
		{"two hosts", strings.Replace(create(harmless), "Host: docker", "Host: docker\r\nHost: docker", 1), 400, ""},
		{"two lengths", strings.Replace(create(harmless), "Content-Length", "Content-Length: 3\r\nContent-Length", 1), 400, ""},
		{"signed length", strings.Replace(create(harmless), "Content-Length: 47", "Content-Length: +47", 1), 400, ""},
		{"unknown transfer coding", "POST /containers/create HTTP/1.1\r\nHost: docker\r\n" + json + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, ""},
		{"two transfer codings", "POST /containers/create HTTP/1.1\r\nHost: docker\r\n" + json + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 501, ""},
		{"space before a colon", strings.Replace(create(harmless), "Content-Length:", "Content-Length :", 1), 400, ""},
		{"folded header", strings.Replace(create(harmless), "Host: docker", "Host: docker\r\n X: y", 1), 400, ""},
		{"proxy form", strings.Replace(create(harmless), "POST /v1.41", "POST http://docker/v1.41", 1), 400, "not a proxy"},
		{"dot dot", strings.Replace(create(harmless), "/v1.41/", "/v1.41/x/../", 1), 400, "as a part"},
		{"double slash", strings.Replace(create(harmless), "/v1.41/", "/v1.41//", 1), 404, "page not found"},
		{"two versions", strings.Replace(create(harmless), "/v1.41/", "/v1.41/v1.41/", 1), 404, "page not found"},
		{"method override", strings.Replace(create(harmless), "POST", "GET", 1), 400, "can not have a body"},
		{"too old", strings.Replace(create(harmless), "v1.41", "v1.39", 1), 400, "client version 1.39 is too old. Minimum supported API version is 1.40, please upgrade your client to a newer version"},
		{"too new", strings.Replace(create(harmless), "v1.41", "v1.57", 1), 400, "client version 1.57 is too new. Maximum supported API version is 1.56"},
		{"absurd version", strings.Replace(create(harmless), "v1.41", "v1.99999", 1), 404, "page not found"},
		{"repeated parameter", strings.Replace(create(harmless), "?name=x", "?name=x&name=y", 1), 400, "name is given twice"},
		{"broken query", strings.Replace(create(harmless), "?name=x", "?name=%zz", 1), 400, "query"},
		{"semicolon", strings.Replace(create(harmless), "?name=x", "?name=x;y", 1), 400, "query"},
		{"control character in a parameter", strings.Replace(create(harmless), "?name=x", "?name=a%1b%5b2J", 1), 400, "control character"},
		{"another name in the body", create(`{"Image":"a","name":"y"}`), 400, "differ"},
		{"option of another mount type", create(`{"Image":"a","HostConfig":{"Mounts":[{"Type":"volume","BindOptions":{"Propagation":"shared"}}]}}`), 400, "BindOptions"},
		{"bad platform", strings.Replace(create(harmless), "?name=x", "?platform=a/b/c/d", 1), 400, "platform"},
		{"start with a body", "POST /containers/x/start HTTP/1.1\r\nHost: docker\r\n" + json + "Content-Length: 47\r\n\r\n" + harmless, 400, "non-empty request body"},
		{"start with a chunked body", "POST /containers/x/start HTTP/1.1\r\nHost: docker\r\n" + json + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "non-empty request body"},
		{"header flood", strings.Replace(create(harmless), "\r\n\r\n", "\r\n"+strings.Repeat("X: y\r\n", 70)+"\r\n", 1), 431, "headers"},
		{"header size", strings.Replace(create(harmless), "\r\n\r\n", "\r\nX: "+strings.Repeat("y", 80<<10)+"\r\n\r\n", 1), 431, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp := n.raw(t, tc.request)
			text, err := io.ReadAll(resp.Body)
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Log(err) // the connection was closed on what was still being sent
			}
			if resp.StatusCode != tc.status || !strings.Contains(string(text), tc.says) {
				t.Errorf("got %d %.300s\nwant %d with %q", resp.StatusCode, text, tc.status, tc.says)
			}
		})
	}
	if got := f.called(); len(got) != 0 {
		t.Errorf("the engine was reached: %.300q", got)
	}
}

// TestSmuggledRequestIsTheCallers: bytes after a request are the same caller's
// next request and get the same treatment.
func TestSmuggledRequestIsTheCallers(t *testing.T) {
	f := newFake()
	denied := Access{}
	n := startNode(t, f, func(o *Options) {
		o.Authorizer = authorizer(func(a Access) error {
			if a.Action == "container.create" {
				denied = a
				return fmt.Errorf("no: %w", errdefs.ErrPermissionDenied)
			}
			return nil
		})
	})
	conn := n.dial(t)
	fmt.Fprint(conn, "POST /containers/x/stop HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n"+create(harmless))
	in := bufio.NewReader(conn)
	for _, want := range []int{204, 403} {
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("got %v %v, want %d", resp, err, want)
		}
	}
	if denied.Object != "x" || len(f.called()) != 1 {
		t.Errorf("denied %+v, called %q", denied, f.called())
	}
}

// TestNothingFollowsChunks: a request with chunks may have had a length as well, and is the last one of its connection.
func TestNothingFollowsChunks(t *testing.T) {
	n := startNode(t, newFake())
	conn := n.dial(t)
	fmt.Fprint(conn, "POST /containers/x/stop HTTP/1.1\r\nHost: docker\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+create(harmless))
	in := bufio.NewReader(conn)
	first, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, first.Body); err != nil {
		t.Fatal(err)
	}
	if second, err := http.ReadResponse(in, nil); err == nil {
		t.Errorf("what followed was answered: %d", second.StatusCode)
	}
}

type authorizer func(Access) error

func (a authorizer) Authorize(_ context.Context, access Access) error { return a(access) }

// TestAuthorisedValueIsExecuted: what the authoriser sees is what the engine gets.
func TestAuthorisedValueIsExecuted(t *testing.T) {
	f := newFake()
	var seen Access
	n := startNode(t, f, func(o *Options) {
		o.Authorizer = authorizer(func(a Access) error { seen = a; return nil })
	})
	if resp := n.raw(t, create(`{"Image":"a","HostConfig":{"CapAdd":["NET_ADMIN"]}}`)); resp.StatusCode != 201 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	authorised, executed := seen.Request.(createRequest).CreateRequest, f.last("Create").(engine.CreateRequest)
	if authorised.HostConfig != executed.HostConfig || authorised.Config != executed.Config {
		t.Error("the engine got another value than the one that was authorised")
	}
	if seen.Action != "container.create" || !seen.Mutates || seen.Object != "x" || seen.Caller.User != "root" {
		t.Errorf("access: %+v", seen)
	}
}

// TestImportIsNotPull: a policy can allow one and not the other.
func TestImportIsNotPull(t *testing.T) {
	var actions []string
	n := startNode(t, newFake(), func(o *Options) {
		o.Authorizer = authorizer(func(a Access) error { actions = append(actions, a.Action+" "+a.Object); return nil })
	})
	for _, query := range []string{"fromImage=a%2Fb&tag=1", "fromSrc=-&repo=c&tag=2", "fromImage=a&tag=sha256:00"} {
		n.raw(t, "POST /images/create?"+query+" HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n")
	}
	if got := strings.Join(actions, ", "); got != "image.pull a/b:1, image.import c:2, image.pull a@sha256:00" {
		t.Errorf("got %s", got)
	}
	for query, want := range map[string]int{"fromImage=a&fromSrc=-": 400, "fromSrc=http://evil/x": 501, "": 400, "tag=x&fromSrc=-": 400} {
		if resp := n.raw(t, "POST /images/create?"+query+" HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n"); resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", query, resp.StatusCode, want)
		}
	}
}

func TestEveryRouteAsksTheAuthorizer(t *testing.T) {
	f := newFake()
	asked := make(map[string]bool)
	s, err := New(Options{Engine: f, Authorizer: authorizer(func(a Access) error {
		asked[a.Action] = true
		return fmt.Errorf("no: %w", errdefs.ErrPermissionDenied)
	})})
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{
		"container.create": harmless, "container.plan": harmless, "exec.create": `{"Cmd":["a"]}`, "network.create": `{"Name":"n"}`,
		"network.connect": `{"Container":"c"}`, "network.disconnect": `{"Container":"c"}`,
	}
	queries := map[string]string{
		"container.rename": "name=a", "container.logs": "stdout=1", "container.stat-path": "path=/a", "container.copy-from": "path=/a", "container.copy-to": "path=/a",
		"container.resize": "h=1&w=1", "exec.resize": "h=1&w=1", "image.pull": "fromImage=a", "image.tag": "repo=a", "image.save": "names=a", "image.commit": "container=a",
		"build.cancel": "id=a",
	}
	for _, r := range allRoutes(s) {
		req, err := http.NewRequest(r.method, strings.NewReplacer("{name...}", "a/b", "{name}", "a").Replace(r.path)+"?"+queries[r.action], nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := bodies[r.action]; ok {
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(b)), int64(len(b))
			req.Header.Set("Content-Type", "application/json")
		}
		c := &call{s: s, w: &reply{ResponseWriter: discard{}}, r: req, version: maxVersion, route: r, q: parseQuery(req.URL.RawQuery)}
		if err := r.handle(c); !errdefs.IsPermissionDenied(err) || !asked[r.action] {
			t.Errorf("%s %s acted without asking: %v", r.method, r.path, err)
		}
	}
	if got := f.called(); len(got) != 0 {
		t.Errorf("the engine was reached: %q", got)
	}
}

// TestAttemptsAreTheProvers: whoever gets into a container in which the node attacks itself has what no policy gives.
func TestAttemptsAreTheProvers(t *testing.T) {
	bodies := map[string]string{"exec.create": `{"Cmd":["a"]}`, "network.connect": `{"Container":"twin"}`, "network.disconnect": `{"Container":"twin"}`}
	queries := map[string]string{
		"container.rename": "name=a", "container.logs": "stdout=1", "container.stat-path": "path=/a", "container.copy-from": "path=/a",
		"container.copy-to": "path=/a", "container.resize": "h=1&w=1", "image.commit": "container=twin",
	}
	harmless := "changes inspect json kill logs remove stats stop top wait"
	do := func(r *route, caller sandbox.Caller) (*fakeEngine, error) {
		f := newFake()
		f.err = errdefs.ErrNotFound // what is let through fails at once
		s, err := New(Options{Engine: f})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(r.method, strings.Replace(r.path, "{name}", "twin", 1)+"?"+queries[r.action], http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := bodies[r.action]; ok {
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(b)), int64(len(b))
			req.Header.Set("Content-Type", "application/json")
		}
		c := &call{s: s, w: &reply{ResponseWriter: discard{}}, r: req, version: maxVersion, route: r, q: parseQuery(req.URL.RawQuery), caller: caller}
		if strings.Contains(r.path, "{name}") {
			c.name = "twin"
		}
		return f, r.handle(c)
	}
	all := slices.Concat(containerRoutes(), sessionRoutes(), networkRoutes())
	seen := 0
	for i := range all {
		r := &all[i]
		named := strings.HasPrefix(r.path, "/containers/{name}") || queries[r.action] == "container=twin" || strings.Contains(bodies[r.action], "twin")
		if !named {
			continue
		}
		seen++
		f, err := do(r, sandbox.Caller{})
		_, verb, _ := strings.Cut(r.action, ".")
		if free := strings.Contains(harmless, verb); free == errdefs.IsPermissionDenied(err) {
			t.Errorf("%s %s: %v", r.method, r.path, err)
		} else if !free && len(f.called()) > 0 {
			t.Errorf("%s %s reached the engine: %q", r.method, r.path, f.called())
		}
		if _, err := do(r, sandbox.Prover()); errdefs.IsPermissionDenied(err) {
			t.Errorf("%s %s by the prover: %v", r.method, r.path, err)
		}
	}
	if seen < 24 {
		t.Errorf("only %d routes were tried", seen)
	}
}

func allRoutes(s *Server) []*route {
	var all []*route
	for _, r := range s.router.exact {
		all = append(all, r)
	}
	for _, patterns := range s.router.patterns {
		for _, p := range patterns {
			all = append(all, p.route)
		}
	}
	return all
}

// discard is an answer that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// TestAuditLog: what changes something is written down before it is done, what
// does not is not, and credentials never are.
func TestAuditLog(t *testing.T) {
	var log lockedBuffer
	f := newFake()
	f.fails["Stop"] = errors.New("it\x1bbroke")
	n := startNode(t, f, func(o *Options) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	n.raw(t, "GET /containers/json HTTP/1.1\r\nHost: docker\r\n\r\n")
	if log.String() != "" {
		t.Errorf("a list was logged: %s", log.String())
	}
	n.raw(t, "POST /containers/web/stop HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n")
	body := `{"username":"me","password":"s3cret","email":"a@b"}`
	n.raw(t, fmt.Sprintf("POST /auth HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	text := log.String()
	for _, want := range []string{`"msg":"api request","action":"container.stop","object":"web","uid":0,"user":"root"`, `"msg":"api request failed"`, `"action":"registry.login"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Contains(text, "s3cret") || strings.Contains(text, `\u001b`) {
		t.Errorf("the log holds what it must not: %s", text)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestRefusalsAreForbidden: the sandbox's refusals reach the client as they are.
func TestRefusalsAreForbidden(t *testing.T) {
	f := newFake()
	f.err = errors.Join(
		&sandbox.RefusalError{Rule: "privileged", What: "--privileged", Why: "it gives away the host", Mend: "add …"},
		&sandbox.RefusalError{Rule: "cap-add", What: "--cap-add SYS_ADMIN", Why: "likewise", Mend: "add …"})
	resp := startNode(t, f).raw(t, create(harmless))
	var answer common.ErrorResponse
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 403 || !strings.Contains(answer.Message, `"privileged"`) || !strings.Contains(answer.Message, `"cap-add"`) {
		t.Errorf("got %d %q", resp.StatusCode, answer.Message)
	}
	f.err = &sandbox.InvalidError{Field: "HostConfig.Ulimits", Value: "x", Why: "unknown"}
	if resp := startNode(t, f).raw(t, create(harmless)); resp.StatusCode != 400 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

// TestSlowHeaders: who does not finish asking is cut off.
func TestSlowHeaders(t *testing.T) {
	s, err := New(Options{Engine: newFake()})
	if err != nil {
		t.Fatal(err)
	}
	if s.http.ReadHeaderTimeout != headerTime || headerTime > 30*time.Second {
		t.Fatalf("headers may take %v", s.http.ReadHeaderTimeout)
	}
	s.http.ReadHeaderTimeout = 100 * time.Millisecond
	conn := serve(t, s).dial(t)
	fmt.Fprint(conn, "GET /_ping HTTP/1.1\r\nHost: docker\r\nX-")
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}

// TestBodyThatNeverComes: an answer, or the end, comes all the same, whoever
// waits for the body.
func TestBodyThatNeverComes(t *testing.T) {
	s, err := New(Options{Engine: newFake()})
	if err != nil {
		t.Fatal(err)
	}
	if s.bodyTime != defaultBodyTime || defaultBodyTime > time.Minute {
		t.Fatalf("a body may take %v", s.bodyTime)
	}
	s.bodyTime = 100 * time.Millisecond
	n := serve(t, s)
	for _, line := range []string{"POST /containers/create", "POST /containers/x/stop", "POST /containers/x/attach", "POST /no/such/page", "OPTIONS /info", "GET /info", "DELETE /containers/x"} {
		for _, length := range []string{"Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"} {
			conn := n.dial(t)
			fmt.Fprint(conn, line+" HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"+length+"\r\n")
			if _, err := io.ReadAll(conn); err != nil {
				t.Errorf("%s with %s: %v", line, length, err)
			}
		}
	}
}

// TestWaitOutlivesBodyTime: the time for a body ends with the body.
func TestWaitOutlivesBodyTime(t *testing.T) {
	f := newFake()
	s, err := New(Options{Engine: f})
	if err != nil {
		t.Fatal(err)
	}
	s.bodyTime = 50 * time.Millisecond
	conn := serve(t, s).dial(t)
	fmt.Fprint(conn, "POST /containers/x/wait HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(4 * s.bodyTime) // nothing is to happen
	f.wait <- engine.WaitResult{ExitCode: 3}
	if text, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(text), `"StatusCode":3`) {
		t.Errorf("got %q, %v", text, err)
	}
}

// TestOldClientsReadPlainErrors: clients from before API 1.24 do not know JSON errors.
func TestOldClientsReadPlainErrors(t *testing.T) {
	resp := startNode(t, newFake()).raw(t, "GET /v1.23/info HTTP/1.1\r\nHost: docker\r\n\r\n")
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 400 || !strings.HasPrefix(string(text), "client version 1.23 is too old.") {
		t.Errorf("got %d %q", resp.StatusCode, text)
	}
}

// TestBrokenArchiveIsNotTakenForWhole: an answer that fails half-way is cut off.
func TestBrokenArchiveIsNotTakenForWhole(t *testing.T) {
	n := startNode(t, newFake(), func(o *Options) { o.Engine = brokenArchive{newFake()} })
	resp := n.raw(t, "GET /containers/web/export HTTP/1.1\r\nHost: docker\r\n\r\n")
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the client sees %v", err)
	}
}

type brokenArchive struct{ *fakeEngine }

func (brokenArchive) Export(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("a", 10_000)), failing{})), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk error") }

func TestServeRefusesTCP(t *testing.T) {
	s, err := New(Options{Engine: newFake()})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no loopback address here: ", err)
	}
	defer ln.Close()
	if err := s.Serve(t.Context(), ln); err == nil || !strings.Contains(err.Error(), "use a unix socket") {
		t.Errorf("got %v", err)
	}
}
