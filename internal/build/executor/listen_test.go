package executor

import (
	"bytes"
	"testing"
)

func TestListener(t *testing.T) {
	for text, want := range map[string]bool{
		"W: Failed to fetch http://deb.debian.org Temporary failure resolving 'deb.debian.org'\n": true,
		"npm error code EAI_AGAIN\n":             true,
		"dial tcp: lookup proxy.golang.org\n":    true,
		"error: undefined reference to `main'\n": false,
		"":                                       false,
	} {
		for _, size := range []int{1, 7, 1000} { // signs come in pieces
			l := &listener{}
			var out bytes.Buffer
			w := l.hear(&out)
			for rest := []byte(text); len(rest) > 0; {
				n := min(size, len(rest))
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if l.missed() != want || out.String() != text {
				t.Errorf("%q by %d: %v %q", text, size, l.missed(), out.String())
			}
		}
	}
	for _, sign := range signs {
		if len(sign) > longest {
			t.Errorf("%q is longer than %d", sign, longest)
		}
	}
}
