package supervise

import (
	"strings"
	"testing"
)

func TestPidOf(t *testing.T) {
	for state, want := range map[string]int{
		`{"ociVersion":"1.2.0","id":"ab","status":"creating","pid":4711,"bundle":"/x"}`: 4711,
		`{"ociVersion": "1.0", "id": "ab", "pid": 12, "status": "created"}`:             12,
		`{"ociVersion":"1.0","id":"ab","pid":13,"root":"rootfs","status":"created"}`:    13, // crun
		`{"id":"ab","pid":12,"annotations":{"a":"\"pid\":13"}}`:                         12,
	} {
		if got, err := pidOf([]byte(state)); err != nil || got != want {
			t.Errorf("%s: %d, %v", state, got, err)
		}
	}
	for _, state := range []string{"", `{"pid":}`, `{"pid":0}`, `{"pid":1}`, `{"pid":-5}`, `{"pid":"7"}`, `{"pid":99999999999999999999}`} {
		if pid, err := pidOf([]byte(state)); err == nil {
			t.Errorf("%s names the process %d", state, pid)
		}
	}
}

func TestDenyMemfdWantsAProcess(t *testing.T) {
	if err := denyMemfd(strings.NewReader("{}")); err == nil {
		t.Error("a state without a process is no error")
	}
}
