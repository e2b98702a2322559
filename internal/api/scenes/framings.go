package scenes

import "strings"

// framings are requests of which a proxy could see another end than the node.
func framings() []request {
	post := create(plain)
	const smuggling = "request smuggling, CWE-444"
	header := func(id, tries, old, replacement string) request {
		return request{id, tries, smuggling, changed(post, old, replacement), post}
	}
	return []request{
		header("two-lengths", "give two lengths", "Content-Length:", "Content-Length: 3\r\nContent-Length:"),
		header("signed-length", "give a length with a sign", "Content-Length: ", "Content-Length: +"),
		header("unknown-coding", "give a coding that only some take for chunks", "Content-Length", "Transfer-Encoding: xchunked\r\nContent-Length"),
		header("two-codings", "give two codings", "Content-Length", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length"),
		header("space-before-colon", "put a space before a colon", "Content-Length:", "Content-Length :"),
		header("folded", "fold a header over two lines", "Host: localhost", "Host: localhost\r\n X: y"),
		header("two-hosts", "name two hosts", "Host: localhost", "Host: localhost\r\nHost: localhost"),
		header("underscore", "name a header with an underscore for a hyphen", "Host:", "Content_Length: 3\r\nHost:"),
		header("two-types", "give two types of the body", "Content-Type:", "Content-Type: text/plain\r\nContent-Type:"),
		header("header-flood", "send 100 headers", "Host:", strings.Repeat("X: y\r\n", 100)+"Host:"),
		header("old-protocol", "send what HTTP 0.9 did", " HTTP/1.1", ""),
		{"body-of-get", "send a body where there is none", smuggling, changed(get, "\r\n\r\n", "\r\nContent-Length: 2\r\n\r\n{}"), get},
		{"proxy", "use the node as a proxy", "RFC 9112, section 3.2.2", changed(get, "/v1.44", "http://localhost/v1.44"), get},
		{"connect", "use the node as a tunnel", "RFC 9110, section 9.3.6", changed(get, "GET /v1.44/version", "CONNECT evil.example:443"), get},
		{"trace", "have a request's secrets sent back", "CVE-2003-1567", changed(get, "GET", "TRACE"), get},
		{"method-case", "write a method in lower case", "RFC 9110, section 9.1", changed(get, "GET", "get"), get},
	}
}

// paths are ways to write a path that a policy could take for another one.
func paths() []request {
	const source = "CWE-22"
	path := func(id, tries, written string) request {
		return request{id, tries, source, changed(get, "/v1.44/version", written), get}
	}
	return []request{
		path("double-slash", "write a path with two slashes", "/v1.44//version"),
		path("leading-slashes", "begin a path with two slashes", "//version"),
		path("dot-dot", "write a path by way of another one", "/v1.44/containers/../version"),
		path("dot-dot-encoded", "the same, encoded", "/v1.44/containers/%2e%2e/version"),
		path("dot", "write a path by way of itself", "/v1.44/./version"),
		path("backslash", "write a path with backslashes", "/v1.44%5cversion"),
		path("NUL", "write a path that ends early", "/v1.44/version%00.json"),
		path("line-break", "write a path over two lines", "/v1.44/version%0a"),
		path("two-versions", "write two versions", "/v1.44/v1.44/version"),
		path("other-case", "write a path in another case", "/v1.44/Version"),
		path("trailing-slash", "end a path with a slash", "/v1.44/version/"),
		{"too-old", "speak a version without today's checks", "moby API 1.24", changed(get, "v1.44", "v1.12"), get},
		{"too-new", "speak a version that there is not", "moby API", changed(get, "v1.44", "v1.999"), get},
		{"long", "send a path of 64 KiB", "CWE-770", changed(get, "/v1.44/version", "/v1.44/"+strings.Repeat("a", 64<<10)), get},
	}
}
