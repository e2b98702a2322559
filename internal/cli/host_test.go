package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParseHost: what is accepted is an absolute socket or an ssh URL, and
// nothing else.
func FuzzParseHost(f *testing.F) {
	for _, seed := range []string{"unix:///a/b", "/a", "node", "ssh://u@h:22/p", "tcp://1.2.3.4:5", "ssh://-oProxyCommand=x", "unix://", "://", "a://b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		to, err := parseHost(host)
		if err != nil {
			return
		}
		switch {
		case to.socket != "":
			if !filepath.IsAbs(to.socket) || to.url != "unix://"+to.socket {
				t.Errorf("%q became %+v", host, to)
			}
		case !strings.HasPrefix(to.url, "ssh://"):
			t.Errorf("%q became %+v", host, to)
		}
	})
}
