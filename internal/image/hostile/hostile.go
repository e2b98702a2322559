// Package hostile has the one error type with which images are refused, so that every refusal names its class, the layer,
// the entry and the reason in the same way.
package hostile

import (
	"strings"

	"github.com/containerd/errdefs"
)

// Error is a refusal of something that an image, an archive or a registry brought.
type Error struct {
	// Class is the stable name of the kind of attack or mistake, for example "path-absolute"; tests and logs use it.
	Class string
	// Image is the name of the image or archive, when it is known.
	Image string
	// Layer is the digest of the layer, when one is concerned.
	Layer string
	// Entry is the file of the layer or archive, or the field of the document, that is refused.
	Entry string
	// Reason says in plain words what is wrong with it and, where there is one, what mends it.
	Reason string
}

// Error is one line: what was refused, where, and why.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("refused")
	if e.Image != "" {
		b.WriteString(" image " + e.Image)
	}
	if e.Layer != "" {
		b.WriteString(" layer " + e.Layer)
	}
	if e.Entry != "" {
		b.WriteString(" entry " + quote(e.Entry))
	}
	b.WriteString(": " + e.Reason + " [" + e.Class + "]")
	return b.String()
}

// Unwrap makes errors.Is(err, errdefs.ErrInvalidArgument) true.
func (e *Error) Unwrap() error { return errdefs.ErrInvalidArgument }
