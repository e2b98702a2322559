package guard

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Limits that Check enforces besides those of net/http.
const (
	// MaxHeaders is the most header lines of one request.
	MaxHeaders = 64
	// MaxTarget is the most bytes of a request target: path and query.
	MaxTarget = 16 << 10
)

// Refusal is why a request was turned away. Status is an HTTP status code.
type Refusal struct {
	Status int
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }

// hosts are the Host headers that clients send over a unix socket. All of them
// are made up: a socket has no host name.
var hosts = map[string]bool{
	"":                   true, // RFC 9112, section 3.2: no authority, no value
	"docker":             true, // Docker's clients up to 23
	"api.moby.localhost": true, // Docker's clients from 23
	"localhost":          true, // docker-py, dockerode, docker-java, curl by convention
	"bailey":             true, // Bailey's own
}

// methods are those that some endpoint of the API answers.
var methods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true, http.MethodDelete: true,
}

// single are headers that the API acts on; two of one kind could be read two ways.
var single = []string{"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Upgrade", "X-Registry-Auth", "X-Registry-Config"}

// Check returns why r is turned away, or nil. It looks at the request line and
// the headers only.
func Check(r *http.Request) *Refusal {
	switch {
	case !methods[r.Method]:
		return refuse(http.StatusMethodNotAllowed, "the method %.16q is not part of the API", r.Method)
	case r.URL.Host != "" || r.URL.Scheme != "" || r.URL.User != nil || r.URL.Opaque != "":
		return refuse(http.StatusBadRequest, "the request target must be a path: this is not a proxy")
	case len(r.RequestURI) > MaxTarget:
		return refuse(http.StatusRequestURITooLong, "the request target is longer than %d bytes", MaxTarget)
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.ContentLength != 0:
		return refuse(http.StatusBadRequest, "a %s request can not have a body", r.Method)
	}
	if reason := checkPath(r.URL.Path); reason != "" {
		return refuse(http.StatusBadRequest, "%s", reason)
	}
	if !knownHost(r.Host) {
		return refuse(http.StatusForbidden, "the Host header %.64q is not one that Docker clients send over a socket; use http://localhost/", r.Host)
	}
	return checkHeaders(r.Header)
}

func refuse(status int, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Reason: fmt.Sprintf(format, args...)}
}

// checkPath refuses paths that two readers could take for different ones.
func checkPath(p string) string {
	for i := range len(p) {
		if p[i] < ' ' || p[i] == 0x7f {
			return "the path holds a control character"
		}
	}
	if strings.Contains(p, "\\") {
		return "the path holds a backslash"
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "." || part == ".." {
			return `the path holds "." or ".." as a part; write it without`
		}
	}
	return ""
}

// knownHost reports whether a Host header is one that clients of a socket send:
// a made-up name, the socket's own path percent-encoded, or localhost with a port.
func knownHost(host string) bool {
	if hosts[host] {
		return true
	}
	if path, ok := strings.CutPrefix(strings.ToLower(host), "%2f"); ok {
		return !strings.ContainsAny(path, ":@[]")
	}
	name, port, err := net.SplitHostPort(host)
	return err == nil && name == "localhost" && port != ""
}

// checkHeaders refuses what browsers add by themselves and scripts can not
// leave out, and headers that are given twice.
func checkHeaders(h http.Header) *Refusal {
	lines := 0
	for name, values := range h {
		lines += len(values)
		if strings.HasPrefix(name, "Sec-") || name == "Origin" || name == "Referer" || strings.HasPrefix(name, "Access-Control-") {
			return refuse(http.StatusForbidden, "the header %.32q says that a web page sent this; web pages may not use the API", name)
		}
		for i := range len(name) {
			if name[i] == '_' {
				return refuse(http.StatusBadRequest, "the header name %.64q holds an underscore, which some proxies read as a hyphen", name)
			}
		}
	}
	if lines > MaxHeaders {
		return refuse(http.StatusRequestHeaderFieldsTooLarge, "the request has more than %d headers", MaxHeaders)
	}
	for _, name := range single {
		if len(h[name]) > 1 {
			return refuse(http.StatusBadRequest, "the header %s is given twice", name)
		}
	}
	return nil
}
