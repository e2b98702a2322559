package runtime

import (
	"testing"

	"github.com/bailey-run/bailey/internal/runtime/wire"
)

func TestRuntimeMessages(t *testing.T) {
	for _, c := range []struct {
		e    wire.Error
		code int
		text string
	}{
		{wire.Error{Message: "x", Log: []byte(`{"level":"warning","msg":"w"}` + "\n" + `{"level":"error","msg":"runc run failed: unable to start container process: error during container init: exec: \"nope\": executable file not found in $PATH","time":"t"}` + "\n")},
			127, `exec: "nope": executable file not found in $PATH`},
		{wire.Error{Log: []byte(`{"level":"error","msg":"exec failed: unable to start container process: exec: \"/nope\": stat /nope: no such file or directory"}`)},
			127, `exec: "/nope": stat /nope: no such file or directory`},
		{wire.Error{Log: []byte(`{"level":"error","msg":"exec: \"/etc\": is a directory"}`)}, 126, `exec: "/etc": is a directory`},
		{wire.Error{Log: []byte(`{"level":"error","msg":"exec /etc/passwd: permission denied"}`)}, 126, `exec /etc/passwd: permission denied`},
		{wire.Error{Log: []byte(`{"msg":"executable file ` + "`nope`" + ` not found in $PATH: No such file or directory","level":"error"}`)},
			127, "executable file `nope` not found in $PATH: No such file or directory"},
		{wire.Error{Log: []byte(`{"msg":"open executable: Permission denied","level":"error"}`)}, 126, "open executable: Permission denied"},
		{wire.Error{Log: []byte(`{"level":"error","msg":"error mounting \"/x\" to rootfs at \"/y\": no such file or directory"}`)},
			125, `error mounting "/x" to rootfs at "/y": no such file or directory`},
		{wire.Error{Message: "the OCI runtime failed (signal 9)", Log: []byte("not json\n"), Stderr: []byte("oops\n")}, 125, "the OCI runtime failed (signal 9): oops"},
		{wire.Error{Message: "port 1:2/tcp cannot be published"}, 125, "port 1:2/tcp cannot be published"},
	} {
		if got := startError(c.e); got.Code != c.code || got.Message != c.text {
			t.Errorf("got %d %q\nwant %d %q", got.Code, got.Message, c.code, c.text)
		}
	}
}
