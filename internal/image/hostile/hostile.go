// Package hostile has the one error type with which images are refused, so that every refusal names its class, the layer,
// the entry and the reason in the same way.
package hostile

import (
	"errors"
	"fmt"
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

// Refuse makes an Error for one entry; the caller higher up adds layer and image with In.
func Refuse(class, entry, format string, args ...any) *Error {
	return &Error{Class: class, Entry: entry, Reason: fmt.Sprintf(format, args...)}
}

// In says which layer and image a refusal inside err is about, where err does not say so yet, and returns err.
func In(err error, image, layer string) error {
	var refusal *Error
	if errors.As(err, &refusal) {
		if refusal.Image == "" {
			refusal.Image = image
		}
		if refusal.Layer == "" {
			refusal.Layer = layer
		}
	}
	return err
}
