package refs

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

func TestParse(t *testing.T) {
	sum := digest.FromString("x").String()
	for in, want := range map[string][2]string{
		"debian":                         {"docker.io/library/debian:latest", "debian:latest"},
		"debian:12":                      {"docker.io/library/debian:12", "debian:12"},
		"a/b":                            {"docker.io/a/b:latest", "a/b:latest"},
		"docker.io/library/debian":       {"docker.io/library/debian:latest", "debian:latest"},
		"localhost/app":                  {"localhost/app:latest", "localhost/app:latest"},
		"127.0.0.1:5000/app:1":           {"127.0.0.1:5000/app:1", "127.0.0.1:5000/app:1"},
		"[::1]:5000/app":                 {"[::1]:5000/app:latest", "[::1]:5000/app:latest"},
		"debian@" + sum:                  {"docker.io/library/debian@" + sum, "debian@" + sum},
		"r.example.org/a__b-c/d.e:V-1_x": {"r.example.org/a__b-c/d.e:V-1_x", "r.example.org/a__b-c/d.e:V-1_x"},
	} {
		n, err := Parse(in)
		if err != nil || n.String() != want[0] || n.Familiar() != want[1] {
			t.Errorf("%s: %v %v", in, n, err)
		}
	}
}

// hostileNames must never be taken for a name.
var hostileNames = []string{
	"", " ", "UPPER", "a//b", "../etc/passwd", "/etc/passwd", "a/../b", "a:b:c", "a@sha256:abc", "a b", "a\x00", "a\nb", "-a", "a-", "a:", "a:-x", "a@",
	"http://evil/x", "user:pass@evil/x", "evil.org\\x", "a:" + strings.Repeat("t", 129), strings.Repeat("a/", 200) + "a", strings.Repeat("a", 600), "scratch", "ä", "a:ä",
	strings.Repeat("0", 64), "sha256:" + strings.Repeat("0", 64), "a@sha512:" + strings.Repeat("0", 128), "a?x=y", "a#b", "%2e%2e/a", "[::1", "evil.org:99999999/a:$(id)", "a;rm", "ghcr.io/",
}

func TestParseRefusesHostileNames(t *testing.T) {
	for _, s := range hostileNames {
		if n, err := Parse(s); err == nil {
			t.Errorf("%q was taken for %s", s, n)
		} else if strings.ContainsAny(err.Error(), "\x00\n\x1b") {
			t.Errorf("%q: the error itself is hostile: %q", s, err)
		}
	}
	if _, err := ParseTag("a@" + digest.FromString("x").String()); err == nil {
		t.Error("a digest was taken for a name to give")
	}
}

func TestID(t *testing.T) {
	for s, want := range map[string]bool{"abcd": true, "abc": false, "sha256:abcd": true, "sha256:": false, "ABCD": false, "abcg": false, strings.Repeat("a", 65): false, "sha512:abcd": false} {
		if _, ok := ID(s); ok != want {
			t.Errorf("%s: %v", s, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range append(hostileNames, "debian", "a/b:c", "[::1]:5000/a", "x.y:1/z@"+digest.FromString("").String()) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			return
		}
		full := n.String()
		if strings.ContainsAny(full, " \t\r\n\x00\x1b\\?#%;$`'\"<>|&*") || strings.Contains(full, "..") && !strings.Contains(n.Tag(), "..") || strings.Contains(full, "//") {
			t.Errorf("%q became %q", s, full)
		}
		if again, err := Parse(full); err != nil || again.String() != full {
			t.Errorf("%q is not stable: %v %v", full, again, err)
		}
		if again, err := Parse(n.Familiar()); err != nil || again.String() != full {
			t.Errorf("%q is not what %q means: %v %v", n.Familiar(), full, again, err)
		}
		if n.Tag() == "" && n.Digest() == "" {
			t.Errorf("%q has neither tag nor digest", full)
		}
	})
}
