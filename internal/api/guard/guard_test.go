package guard

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// parse reads a request the way the server does.
func parse(t *testing.T, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCheckLetsClientsPass(t *testing.T) {
	for _, raw := range []string{
		"HEAD /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/20.10.24 (linux)\r\n\r\n",
		"GET /v1.51/containers/json HTTP/1.1\r\nHost: api.moby.localhost\r\nUser-Agent: Docker-Client/28.2.2 (linux)\r\n\r\n",
		"GET /version HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
		"GET /version HTTP/1.1\r\nHost: localhost:80\r\n\r\n",
		"GET /version HTTP/1.1\r\nHost:\r\n\r\n",
		"GET /version HTTP/1.0\r\n\r\n",
		"GET /version HTTP/1.1\r\nHost: %2Fvar%2Frun%2Fbailey.sock\r\n\r\n",
		"GET /version HTTP/1.1\r\nHost: bailey\r\n\r\n",
		"POST /v1.41/containers/x/attach?stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
		"GET /images/a%2Fb:1/json HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /v1.56/events HTTP/1.1\r\nHost: localhost\r\nAccept: application/jsonl\r\nAccept: application/x-ndjson;q=0.9\r\n\r\n",
	} {
		if refusal := Check(parse(t, raw)); refusal != nil {
			t.Errorf("%q: %v", raw, refusal)
		}
	}
}

func TestCheckTurnsAway(t *testing.T) {
	get := "GET /version HTTP/1.1\r\n"
	local := "Host: localhost\r\n"
	for _, tc := range []struct {
		name, raw string
		status    int
	}{
		{"host of an attacker", get + "Host: evil.example\r\n\r\n", 403},
		{"rebinding with a port", get + "Host: evil.example:2375\r\n\r\n", 403},
		{"host that begins like localhost", get + "Host: localhost.evil.example\r\n\r\n", 403},
		{"host below localhost", get + "Host: x.localhost\r\n\r\n", 403},
		{"loopback by number", get + "Host: 127.0.0.1:2375\r\n\r\n", 403},
		{"metadata address", get + "Host: 169.254.169.254\r\n\r\n", 403},
		{"encoded path with a port", get + "Host: %2Frun%2Fx:80\r\n\r\n", 403},
		{"user in the host", get + "Host: localhost@evil.example\r\n\r\n", 403},
		{"origin", get + local + "Origin: https://evil.example\r\n\r\n", 403},
		{"null origin", get + local + "Origin: null\r\n\r\n", 403},
		{"own origin", get + local + "Origin: http://localhost\r\n\r\n", 403},
		{"empty origin", get + local + "Origin:\r\n\r\n", 403},
		{"fetch metadata", get + local + "Sec-Fetch-Site: cross-site\r\n\r\n", 403},
		{"navigation", get + local + "sec-fetch-mode: navigate\r\n\r\n", 403},
		{"websocket from a page", get + local + "Sec-WebSocket-Key: x\r\n\r\n", 403},
		{"referer", get + local + "Referer: http://localhost/\r\n\r\n", 403},
		{"preflight", "OPTIONS /containers/create HTTP/1.1\r\n" + local + "\r\n", 405},
		{"preflight header", "POST /containers/create HTTP/1.1\r\n" + local + "Access-Control-Request-Method: POST\r\n\r\n", 403},
		{"trace", "TRACE / HTTP/1.1\r\n" + local + "\r\n", 405},
		{"connect", "CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n", 405},
		{"other case of a method", "post /containers/create HTTP/1.1\r\n" + local + "\r\n", 405},
		{"proxy form", "GET http://localhost/version HTTP/1.1\r\n" + local + "\r\n", 400},
		{"proxy form with the socket's name", "GET http://docker/version HTTP/1.1\r\nHost: docker\r\n\r\n", 400},
		{"body on a GET", "GET /version HTTP/1.1\r\n" + local + "Content-Length: 2\r\n\r\n{}", 400},
		{"chunked body on a GET", "GET /version HTTP/1.1\r\n" + local + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"dot dot", "GET /v1.40/../containers/create HTTP/1.1\r\n" + local + "\r\n", 400},
		{"encoded dot dot", "GET /v1.40/%2e%2e/info HTTP/1.1\r\n" + local + "\r\n", 400},
		{"dot", "GET /./info HTTP/1.1\r\n" + local + "\r\n", 400},
		{"NUL", "GET /containers/a%00b/json HTTP/1.1\r\n" + local + "\r\n", 400},
		{"new line", "GET /containers/a%0ab/json HTTP/1.1\r\n" + local + "\r\n", 400},
		{"backslash", "GET /containers%5ccreate HTTP/1.1\r\n" + local + "\r\n", 400},
		{"two content types", "POST /x HTTP/1.1\r\n" + local + "Content-Type: text/plain\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n", 400},
		{"two credentials", "POST /x HTTP/1.1\r\n" + local + "X-Registry-Auth: a\r\nX-Registry-Auth: b\r\nContent-Length: 0\r\n\r\n", 400},
		{"underscore", get + local + "Content_Length: 5\r\n\r\n", 400},
		{"long target", "GET /" + strings.Repeat("a", MaxTarget) + " HTTP/1.1\r\n" + local + "\r\n", 414},
	} {
		t.Run(tc.name, func(t *testing.T) {
			refusal := Check(parse(t, tc.raw))
			if refusal == nil || refusal.Status != tc.status {
				t.Errorf("got %+v, want status %d", refusal, tc.status)
			}
		})
	}
}

func TestCheckCountsHeaders(t *testing.T) {
	var b strings.Builder
	b.WriteString("GET /version HTTP/1.1\r\nHost: localhost\r\n")
	for i := range MaxHeaders + 1 {
		fmt.Fprintf(&b, "X-%d: a\r\n", i)
	}
	if refusal := Check(parse(t, b.String()+"\r\n")); refusal == nil || refusal.Status != 431 {
		t.Errorf("got %+v, want status 431", refusal)
	}
}
