package hint

import (
	"strings"
	"testing"
)

func TestReadOnly(t *testing.T) {
	cases := map[string]struct{ line, path, dir string }{
		"touch":     {"touch: /data/x: Read-only file system", "/data/x", "/data"},
		"shell":     {"/bin/sh: 1: cannot create /var/run.pid: Read-only file system", "/var/run.pid", "/var"},
		"coreutils": {"mkdir: cannot create directory ‘/srv/app’: Read-only file system", "/srv/app", "/srv"},
		"nginx":     {`2026/01/01 00:00:00 [emerg] 1#1: mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)`, "/var/cache/nginx/client_temp", "/var/cache/nginx"},
		"python":    {"OSError: [Errno 30] Read-only file system: '/app/cache'", "/app/cache", "/app"},
		"node":      {"Error: EROFS: read-only file system, open '/app/log.txt'", "/app/log.txt", "/app"},
		"go":        {"panic: open /state.json: read-only file system", "/state.json", "/state.json"},
		"java":      {"java.nio.file.FileSystemException: /opt/x.tmp: Read-only file system", "/opt/x.tmp", "/opt"},
		"no path":   {"something is on a read-only file system", "", ""},
		"other":     {"/x: No space left on device", "", ""},
		"hostile":   {"/a\x1b]0;x\x07: Read-only file system", "", ""},
	}
	for name, c := range cases {
		got := ReadOnly([]byte("starting\n" + c.line + "\nbye\n"))
		if c.path == "" {
			if len(got) != 0 {
				t.Errorf("%s: got %v", name, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Path != c.path || got[0].Dir != c.dir {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestReadOnlyIsBoundedAndSaysEachOnce(t *testing.T) {
	var b strings.Builder
	for range 3 {
		for _, p := range []string{"a", "b", "c", "d", "e", "f", "g"} {
			b.WriteString("/x/" + p + ": Read-only file system\n")
		}
	}
	if got := ReadOnly([]byte(b.String())); len(got) != most {
		t.Errorf("got %d hints", len(got))
	}
	if got := ReadOnly([]byte("/x/a: Read-only file system\n/x/a: Read-only file system\n")); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func FuzzReadOnly(f *testing.F) {
	f.Add([]byte("touch: /data/x: Read-only file system"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, w := range ReadOnly(b) {
			if !strings.HasPrefix(w.Path, "/") || strings.ContainsAny(w.String(), "\x1b\n\r") {
				t.Errorf("%q gave %q", b, w)
			}
		}
	})
}
