package executor

import (
	"bytes"
	"io"
	"sync"
)

// signs are what programs say when they find no network: resolvers (glibc, musl, Go, Node, Python, busybox) and the kernel.
var signs = [][]byte{
	[]byte("Temporary failure in name resolution"), []byte("Temporary failure resolving"), []byte("Could not resolve"),
	[]byte("Name or service not known"), []byte("bad address"), []byte("EAI_AGAIN"), []byte("ENOTFOUND"), []byte("no such host"),
	[]byte("Network is unreachable"), []byte("network is unreachable"), []byte("getaddrinfo"), []byte("dial tcp"),
	[]byte("DNS lookup error"), []byte("temporary error (try again later)"), []byte("unable to resolve host address"),
}

// longest is the length of the longest sign, in bytes.
const longest = 48

// listener hears from a step's output whether it looked for a network in vain, so that the reason why a build failed can
// be told to who did not think of it.
type listener struct {
	mu    sync.Mutex
	found bool
}

func (l *listener) missed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found
}

// hear passes on what is written to w.
func (l *listener) hear(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return &heard{l: l, w: w}
}

type heard struct {
	l    *listener
	w    io.Writer
	tail []byte // the end of what was written before
}

// Write looks at p together with the end of what came before it.
func (h *heard) Write(p []byte) (int, error) {
	if !h.l.missed() {
		text := append(h.tail, p...)
		for _, sign := range signs {
			if bytes.Contains(text, sign) {
				h.l.mu.Lock()
				h.l.found = true
				h.l.mu.Unlock()
			}
		}
		h.tail = append(h.tail[:0:0], text[max(0, len(text)-longest):]...)
	}
	return h.w.Write(p)
}
