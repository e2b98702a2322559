package strict

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
)

// maxShown is how many bytes of a client's key are repeated in an error.
const maxShown = 64

// Error says where in a body and why it was refused. It is an
// errdefs.ErrInvalidArgument.
type Error struct {
	// Path names the value, such as HostConfig.Mounts[2].Target; empty for the body as a whole.
	Path string
	// Offset is the byte at which decoding stopped, from 0.
	Offset int
	Reason string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("invalid request body: %s (at byte %d)", e.Reason, e.Offset)
	}
	return fmt.Sprintf("invalid request body: %s: %s (at byte %d)", e.Path, e.Reason, e.Offset)
}

// Unwrap makes the error an errdefs.ErrInvalidArgument.
func (*Error) Unwrap() error { return errdefs.ErrInvalidArgument }

// TooLargeError is a body of more than Limit bytes. It is an
// errdefs.ErrInvalidArgument.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the request body is larger than %d bytes, the most that this node reads: send less in one request", e.Limit)
}

// Unwrap makes the error an errdefs.ErrInvalidArgument.
func (*TooLargeError) Unwrap() error { return errdefs.ErrInvalidArgument }

// step is one part of a path: a field, a key of a map, or an index.
type step struct {
	name  string
	index int // -1 for a name
}

// fail returns an error about the current value.
func (d *decoder) fail(format string, args ...any) error {
	return &Error{Path: pathOf(d.path), Offset: d.off, Reason: fmt.Sprintf(format, args...)}
}

func pathOf(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		switch {
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case !plain(s.name):
			b.WriteString("[" + shown(s.name) + "]")
		case b.Len() > 0:
			b.WriteString("." + s.name)
		default:
			b.WriteString(s.name)
		}
	}
	return b.String()
}

// plain reports whether a name can stand in a path without quotes.
func plain(s string) bool {
	if s == "" || len(s) > maxShown {
		return false
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// shown quotes what a client sent for an error: short, and free of control characters.
func shown(s string) string {
	if len(s) > maxShown {
		return strconv.QuoteToASCII(s[:maxShown]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
