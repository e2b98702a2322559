package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// The values that a hostile container gave itself.
const (
	hostileLabel = "x\nforged  row\x1b[2J"
	hostileLog   = "\x1b]0;owned\a\x1b[31mred\x1b[0m over\rwritten\n"
)

// controls are the same two for a plan and an inspection.
const controls = `"Controls":[
	{"Control":"capabilities","Default":"none","Actual":"NET_ADMIN","AllowedBy":"policy.toml:3","Reason":"vpn","Relaxed":true},
	{"Control":"seccomp","Default":"allow-list 1","Actual":"allow-list 1"},
	{"Control":"lsm","Default":"generated profile","Actual":"none","Absent":true}]`

// fakeNode answers the few requests that the tests make, and notes all of them.
type fakeNode struct {
	mu  sync.Mutex
	log *os.File
	tty bool // of the container that was created last
}

// startFakeNode serves on dir/bailey.sock and writes requests to dir/requests.
func startFakeNode(dir string) (func(), error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", filepath.Join(dir, "bailey.sock"))
	if err != nil {
		return nil, err
	}
	n := &fakeNode{}
	if n.log, err = os.Create(filepath.Join(dir, "requests")); err != nil {
		return nil, err
	}
	server := &http.Server{Handler: n}
	go func() { _ = server.Serve(l) }()
	return func() { _ = server.Close(); _ = n.log.Close() }, nil
}

func (n *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n.mu.Lock()
	fmt.Fprintf(n.log, "%s %s %s\n", r.Method, r.URL.RequestURI(), bytes.TrimSpace(body))
	n.mu.Unlock()
	w.Header().Set("Api-Version", "1.56")
	w.Header().Set("Ostype", "linux")
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/v1."); ok {
		path = rest[strings.IndexByte(rest, '/'):]
	}
	n.answer(w, path, body)
}

// answer is the fake's idea of a node.
func (n *fakeNode) answer(w http.ResponseWriter, path string, body []byte) {
	switch path {
	case "/_ping":
	case planPath, "/containers/create":
		n.create(w, path, body)
	case "/containers/json":
		send(w, 200, []any{map[string]any{"Id": strings.Repeat("a", 64), "Names": []string{"/web"}, "Image": "img", "Command": "c", "Labels": map[string]string{"l": hostileLabel}}})
	case "/containers/web/json", "/containers/tty/json":
		fmt.Fprintf(clean(w), `{"Id":"%064d","Name":"%s","Config":{"Tty":%v},"State":{"Status":"running","Running":true},"Posture":{"Marker":"raw kept"},%s}`, 1, path, strings.Contains(path, "tty"), controls)
	case fmt.Sprintf("/containers/%064d/logs", 1):
		_, _ = w.Write(framed(hostileLog))
	case "/info":
		fmt.Fprint(clean(w), `{"Name":"fake","ServerVersion":"9.9","DefaultRuntime":"runc","Runtimes":{"runc":{"path":"/bin/runc","status":{"digest":"sha256:feed"}}}}`)
	case "/version":
		fmt.Fprint(clean(w), `{"Platform":{"Name":"Bailey"},"Version":"9.9","ApiVersion":"1.56","Components":[{"Name":"Engine","Version":"9.9","Details":{"ApiVersion":"1.56","GitCommit":"c"}}]}`)
	default:
		if id, verb, ok := strings.Cut(strings.TrimPrefix(path, "/containers/"), "/"); ok && (strings.Trim(id, "b01") == "" || id == "web" || id == "tty") {
			n.live(w, id, verb)
			return
		}
		send(w, 404, map[string]string{"message": "No such thing: " + path})
	}
}

// live is the life of the container that was created: it writes the hostile
// log to whoever attached, and ends with status 7.
func (n *fakeNode) live(w http.ResponseWriter, id, verb string) {
	switch verb {
	case "attach":
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
		n.mu.Lock()
		tty := n.tty && id != "web" || id == "tty"
		n.mu.Unlock()
		if tty {
			fmt.Fprint(conn, hostileLog)
		} else {
			_, _ = conn.Write(framed(hostileLog))
		}
		_ = conn.Close()
	case "start", "resize":
		w.WriteHeader(http.StatusNoContent)
	case "wait":
		send(w, 200, map[string]int{"StatusCode": 7})
	default:
		send(w, 404, map[string]string{"message": "No such thing: " + verb})
	}
}

// framed is text as standard output in a multiplexed stream.
func framed(text string) []byte {
	head := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
	return append(head, text...)
}

// create plans or creates; some images cannot.
func (n *fakeNode) create(w http.ResponseWriter, path string, body []byte) {
	var request struct {
		Image string
		Tty   bool
	}
	_ = json.Unmarshal(body, &request)
	n.mu.Lock()
	n.tty = request.Tty
	n.mu.Unlock()
	switch request.Image {
	case "missing":
		send(w, 404, map[string]string{"message": "No such image: missing:latest"})
	case "refused":
		send(w, 403, map[string]string{"message": "cap-add NET_ADMIN is refused; add to policy.toml: [[allow]]"})
	case "notfound":
		send(w, 400, map[string]string{"message": `exec: "nope": executable file not found in $PATH`})
	case "denied":
		send(w, 400, map[string]string{"message": `exec: "/etc": permission denied`})
	default:
		if path == planPath {
			fmt.Fprint(clean(w), `{"Posture":{"ID":"posture-id","Marker":"as planned"},`+controls+`,"Warnings":["memory was clamped"]}`)
			return
		}
		send(w, 201, map[string]any{"Id": strings.Repeat("b", 64), "Warnings": []string{}})
	}
}

func clean(w http.ResponseWriter) io.Writer {
	w.Header().Set("Content-Type", "application/json")
	return w
}

func send(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}
