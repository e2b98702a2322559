package scenes

import (
	"fmt"
	"strings"
)

// tooLong is more than a request may bring, in bytes.
const tooLong = 5 << 20

// bodies are documents of which a policy that reads them by itself could see
// another half than the engine.
func bodies() []request {
	const twice, gap = "CVE-2017-12635", "CVE-2026-34040"
	privileged := `"HostConfig":{"Privileged":true}`
	harmless := create(plain)
	body := func(id, tries, source, hostile string) request {
		return request{id, tries, source, create(hostile), harmless}
	}
	header := func(id, tries, source, old, replacement string) request {
		return request{id, tries, source, changed(harmless, old, replacement), harmless}
	}
	big := func(image string) string {
		return fmt.Sprintf(`{"Image":%q,"Labels":{"a":%q},%s}`, image, strings.Repeat("a", tooLong), privileged)
	}
	chunk := func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }
	chunked := "POST /v1.44/containers/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	return []request{
		body("lower-case", "ask for privileges by keys in lower case", "moby#34283", `{"Image":"%s","hostconfig":{"privileged":true}}`),
		body("lower-case-inside", "ask for privileges by a key in lower case within an object", "moby#34283", `{"Image":"%s","HostConfig":{"privileged":true}}`),
		body("upper-case", "ask for privileges by a key in upper case", "moby#34283", `{"Image":"%s","HOSTCONFIG":{"Privileged":true}}`),
		body("long-s", "ask by a key that folds to another one", "RFC 8259, section 8.3", `{"Image":"%s","Ho`+"\u017f"+`tConfig":{"Privileged":true}}`),
		body("twice", "give a key twice, the second with privileges", twice, `{"Image":"%s","HostConfig":{},`+privileged+`}`),
		body("twice-escaped", "give a key twice, once in an escaped form", twice, `{"Image":"%s","HostConfig":{"Privileged":false,"Privileg`+`\u0065`+`d":true}}`),
		body("unknown", "ask for a protection by a key that does not exist", "moby#34283", `{"Image":"%s","HostConfig":{"ReadOnlyRootFileSystem":true}}`),
		body("second-document", "send a second document after the first", "RFC 8259, section 2", plain+"{"+privileged+"}"),
		body("trailing", "send bytes after the document", "RFC 8259, section 2", plain+"x"),
		body("not-UTF-8", "send a string that two readers take for two", "RFC 8259, section 8.1", "{\"Image\":\"%s\",\"Labels\":{\"a\":\"\xff\"}}"),
		body("overflow", "ask for memory by a number that becomes 0", "RFC 8259, section 6", `{"Image":"%s","HostConfig":{"Memory":18446744073709551616}}`),
		body("fraction", "ask for memory by a number that is rounded", "RFC 8259, section 6", `{"Image":"%s","HostConfig":{"Memory":6291456.9}}`),
		body("string-for-boolean", "ask for privileges by a string", "RFC 8259", `{"Image":"%s","HostConfig":{"Privileged":"true"}}`),
		body("other-type", "give a volume the options of a bind mount", "docs/policy.md", `{"Image":"%s","HostConfig":{"Mounts":[{"Type":"volume","Target":"/x","BindOptions":{"Propagation":"shared"}}]}}`),
		body("deep", "send a document so deep that reading it hurts", "CVE-2022-28131", `{"Image":"%s","X":`+strings.Repeat("[", 10000)+strings.Repeat("]", 10000)+`}`),
		{"too-long", "ask for privileges in a body of 5 MiB", gap, func(image string) string { return posting(big(image)) }, harmless},
		{"too-long-in-chunks", "the same in chunks", gap, func(image string) string {
			b := big(image)
			return chunked + chunk(b[:3<<20]) + chunk(b[3<<20:]) + "0\r\n\r\n"
		}, func(image string) string {
			return chunked + chunk(strings.Replace(plain, "%s", image, 1)) + "0\r\n\r\n"
		}},
		{"length-0", "send a body of which the length is said to be 0", "CVE-2024-41110", func(image string) string {
			_, body, _ := strings.Cut(harmless(image), "\r\n\r\n")
			return "POST /v1.44/containers/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n" + body
		}, harmless},
		{"no-length", "send a body of no length", "CVE-2024-41110", func(image string) string {
			_, body, _ := strings.Cut(harmless(image), "\r\n\r\n")
			return "POST /v1.44/containers/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\r\n" + body
		}, harmless},
		header("compressed", "send a body that a policy would have to unpack", gap, "Content-Type:", "Content-Encoding: gzip\r\nContent-Type:"),
		header("charset", "send a body in another encoding", "RFC 8259, section 8.1", "application/json", "application/json; charset=utf-16"),
		header("parameter-twice", "give a parameter twice", "CVE-2021-44716", "containers/create", "containers/create?name=a&name=b"),
		header("semicolon", "separate parameters as only some do", "CVE-2021-44716", "containers/create", "containers/create?name=a;platform=b"),
		header("other-name", "give the container two names", "docs/policy.md", "containers/create", "containers/create?name=%1b%5b2J"),
	}
}
