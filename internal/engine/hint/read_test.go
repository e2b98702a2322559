package hint

import (
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/engine/files"
)

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		line string
		code int
		want Refused
	}{
		"touch":        {"touch: /data/x: Read-only file system", 1, Refused{Path: "/data/x"}},
		"shell":        {"/bin/sh: 1: cannot create /var/run.pid: Read-only file system", 1, Refused{Path: "/var/run.pid"}},
		"bash":         {"/entrypoint.sh: line 5: /etc/app.conf: Read-only file system", 1, Refused{Path: "/etc/app.conf"}},
		"coreutils":    {"mkdir: cannot create directory ‘/srv/app’: Read-only file system", 1, Refused{Path: "/srv/app", Dir: true}},
		"sed":          {"sed: couldn't open temporary file /etc/app/sedX1: Read-only file system", 4, Refused{Path: "/etc/app/sedX1"}},
		"nginx":        {`2026/01/01 00:00:00 [emerg] 1#1: mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)`, 1, Refused{Path: "/var/cache/nginx/client_temp", Dir: true}},
		"python":       {"OSError: [Errno 30] Read-only file system: '/app/cache'", 1, Refused{Path: "/app/cache"}},
		"node":         {"Error: EROFS: read-only file system, open '/app/log.txt'", 1, Refused{Path: "/app/log.txt"}},
		"node, mkdir":  {"Error: EROFS: read-only file system, mkdir 'uploads'", 1, Refused{Path: "/work/uploads", Dir: true}},
		"relative":     {"sh: 1: cannot create log.txt: Read-only file system", 2, Refused{Path: "/work/log.txt"}},
		"go":           {"panic: open /state.json: read-only file system", 2, Refused{Path: "/state.json"}},
		"go, relative": {"panic: open state.json: read-only file system", 2, Refused{Path: "/work/state.json"}},
		"java":         {"java.nio.file.FileSystemException: /opt/x.tmp: Read-only file system", 1, Refused{Path: "/opt/x.tmp"}},
		"no program":   {"sh: 1: /tmp/tool: Permission denied", 126, Refused{Path: "/tmp/tool", Exec: true}},
		"library":      {"ImportError: /tmp/x.so: failed to map segment from shared object", 1, Refused{Path: "/tmp/x.so", Exec: true}},
		"not a start":  {"cat: /tmp/x: Permission denied", 1, Refused{}},
		"no path":      {"something is on a read-only file system", 1, Refused{}},
		"other":        {"/x: No space left on device", 1, Refused{}},
		"hostile":      {"/a\x1b]0;x\x07: Read-only file system", 1, Refused{}},
	} {
		got := Read([]byte("starting\n"+c.line+"\nbye\n"), c.code, "/work")
		if c.want.Path == "" {
			if len(got) != 0 {
				t.Errorf("%s: got %v", name, got)
			}
			continue
		}
		if len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestReadGuessesNoDirectory(t *testing.T) {
	if got := Read([]byte("touch: cannot touch 'x': Read-only file system"), 1, "/"); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

func TestReadIsBoundedAndSaysEachOnce(t *testing.T) {
	var b strings.Builder
	for range 3 {
		for _, p := range []string{"a", "b", "c", "d", "e", "f", "g"} {
			b.WriteString("/x/" + p + ": Read-only file system\n")
		}
	}
	if got := Read([]byte(b.String()), 1, "/"); len(got) != most {
		t.Errorf("got %d", len(got))
	}
	if got := Read([]byte("/x/a: Read-only file system\n/x/a: Read-only file system\n"), 1, "/"); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("touch: /data/x: Read-only file system"), 1, "/")
	f.Add([]byte("mkdir 'x': Read-only file system"), 126, "work")
	f.Fuzz(func(t *testing.T, b []byte, code int, cwd string) {
		room := Room{Look: func(string) files.Content { return files.Data }}
		for _, a := range room.Advise(Read(b, code, "/")) {
			if !strings.HasPrefix(a.Path, "/") || strings.ContainsAny(a.String(), "\x1b\n\r") {
				t.Errorf("%q gave %q", b, a)
			}
		}
	})
}
