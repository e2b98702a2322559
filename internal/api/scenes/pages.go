package scenes

// pages are requests that a browser sends for a web page which found a way to
// the socket: a proxy on the developer's machine, or a name that resolves to it.
func pages() []request {
	post := create(plain)
	const rebinding, forgery = "DNS rebinding, CWE-350", "cross-site request forgery, CWE-352"
	host := func(id, tries, name string) request {
		return request{id, tries, rebinding, changed(get, "localhost", name), get}
	}
	header := func(id, tries, line string) request {
		return request{id, tries, forgery, changed(post, "Host:", line+"\r\nHost:"), post}
	}
	return []request{
		host("host-foreign", "reach the API by the name of an attacker", "evil.example"),
		host("host-foreign-port", "reach the API by the name of an attacker and a port", "evil.example:2375"),
		host("host-suffix", "reach the API by a name that begins like its own", "localhost.evil.example"),
		host("host-below", "reach the API by a name below localhost", "x.localhost"),
		host("host-number", "reach the API by a number", "127.0.0.1:2375"),
		host("host-metadata", "reach the API as if it were a cloud's", "169.254.169.254"),
		host("host-user", "hide the host's name behind a user's", "localhost@evil.example"),
		header("origin", "use the API as a web page", "Origin: https://evil.example"),
		header("origin-null", "use the API as a page in a sandbox", "Origin: null"),
		header("origin-own", "use the API as a page of its own name", "Origin: http://localhost"),
		header("referer", "use the API from a page", "Referer: http://localhost/"),
		header("fetch-site", "use the API by a script of another site", "Sec-Fetch-Site: cross-site"),
		header("navigation", "use the API by a link", "Sec-Fetch-Mode: navigate"),
		header("websocket", "use the API by a WebSocket of a page", "Sec-WebSocket-Key: x"),
		header("preflight-header", "ask leave for another site", "Access-Control-Request-Method: POST"),
		{"preflight", "ask leave for a page of another site", forgery, changed(get, "GET", "OPTIONS"), get},
		{"form-text", "have a form make a container", forgery, changed(post, "application/json", "text/plain"), post},
		{"form", "have a form of the old kind make a container", forgery, changed(post, "application/json", "application/x-www-form-urlencoded"), post},
		{"no-type", "make a container without saying what the body is", forgery, changed(post, "Content-Type: application/json\r\n", ""), post},
	}
}
