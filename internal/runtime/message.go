package runtime

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/bailey-run/bailey/internal/runtime/wire"
)

// The exit codes of a start that failed, as command lines show them.
const (
	codeRefused       = 125
	codeNotExecutable = 126
	codeNotFound      = 127
)

// startError makes what a supervisor answered readable.
func startError(e wire.Error) *StartError {
	msg := e.Message
	if said := runtimeMessage(e.Log); said != "" {
		msg = said
	} else if len(bytes.TrimSpace(e.Stderr)) > 0 {
		msg += ": " + string(bytes.TrimSpace(e.Stderr))
	}
	return &StartError{Code: startCode(msg), Message: msg}
}

// runtimeMessage is the last error of a runtime's log, without the frames
// that say only how the runtime came there.
func runtimeMessage(log []byte) string {
	var last string
	for line := range bytes.Lines(log) {
		var entry struct{ Level, Msg string }
		if json.Unmarshal(line, &entry) == nil && entry.Level == "error" && entry.Msg != "" {
			last = entry.Msg
		}
	}
	for _, frame := range []string{"runc run failed: ", "runc create failed: ", "exec failed: ",
		"unable to start container process: ", "error during container init: "} {
		last = strings.TrimPrefix(last, frame)
	}
	return last
}

// startCode tells a program that does not exist from one that cannot be
// executed, by the words that runc and crun use.
func startCode(msg string) int {
	low := strings.ToLower(msg)
	program := strings.HasPrefix(low, "exec") || strings.Contains(low, `exec: "`) || strings.Contains(low, "open executable") ||
		strings.HasPrefix(low, "executable")
	switch {
	case strings.Contains(low, "executable file") && strings.Contains(low, "not found"):
		return codeNotFound
	case !program:
		return codeRefused
	case strings.Contains(low, "no such file or directory"):
		return codeNotFound
	case strings.Contains(low, "permission denied"), strings.Contains(low, "operation not permitted"),
		strings.Contains(low, "is a directory"),
		strings.Contains(low, "exec format error"), strings.Contains(low, "not a directory"):
		return codeNotExecutable
	}
	return codeRefused
}
