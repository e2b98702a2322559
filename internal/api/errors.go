package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/bailey-run/bailey/internal/api/strict"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
)

// maxMessage caps what of an error is sent to a client, in bytes.
const maxMessage = 16 << 10

// quietError gives an error a class without adding to its text.
type quietError struct{ class error }

func quiet(class error) error          { return quietError{class} }
func (quietError) Error() string       { return "" }
func (e quietError) Unwrap() error     { return e.class }
func (e quietError) Is(err error) bool { return errors.Is(e.class, err) }

// invalid is an error about the request itself.
func invalid(format string, args ...any) error {
	return fmt.Errorf(format+"%w", append(args, quiet(errdefs.ErrInvalidArgument))...)
}

// unsupported is an error about what the API has and a node has not.
func unsupported(format string, args ...any) error {
	return fmt.Errorf(format+"%w", append(args, quiet(errdefs.ErrNotImplemented))...)
}

// unavailable is an error about what can not be had now.
func unavailable(text string) error {
	return fmt.Errorf("%s%w", text, quiet(errdefs.ErrUnavailable))
}

// errCut ends an answer that has begun and can not be completed, without a line in the log.
var errCut = errors.New("the answer was cut short")

// status maps an error to what HTTP calls it.
func status(err error) int {
	var invalidErr *sandbox.InvalidError
	switch {
	case strict.IsTooLarge(err):
		return http.StatusRequestEntityTooLarge
	case len(sandbox.Refusals(err)) > 0:
		return http.StatusForbidden
	case errors.As(err, &invalidErr):
		return http.StatusBadRequest
	case errdefs.IsNotFound(err):
		return http.StatusNotFound
	case errdefs.IsInvalidArgument(err), errdefs.IsOutOfRange(err):
		return http.StatusBadRequest
	case errdefs.IsConflict(err), errdefs.IsAlreadyExists(err), errdefs.IsFailedPrecondition(err):
		return http.StatusConflict
	case errdefs.IsUnauthorized(err):
		return http.StatusUnauthorized
	case errdefs.IsPermissionDenied(err):
		return http.StatusForbidden
	case errdefs.IsNotModified(err):
		return http.StatusNotModified
	case errdefs.IsNotImplemented(err):
		return http.StatusNotImplemented
	case errdefs.IsUnavailable(err), errdefs.IsResourceExhausted(err):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// message is what a client gets to read of an error: without the class that a
// wrapped sentinel adds at the end, and without characters that could move a
// terminal's cursor, hide text or forge lines of its own.
func message(err error) string {
	text := err.Error()
	for _, class := range classes {
		if !errors.Is(err, class) {
			continue // the same words, of the kernel: they are what is wrong
		}
		text = strings.TrimSuffix(text, ": "+class.Error())
	}
	if len(text) > maxMessage {
		text = text[:maxMessage] + "…"
	}
	return clean(text)
}

// classes are the sentinels whose own text tells a reader nothing new.
var classes = []error{
	errdefs.ErrNotFound, errdefs.ErrInvalidArgument, errdefs.ErrConflict, errdefs.ErrAlreadyExists, errdefs.ErrFailedPrecondition,
	errdefs.ErrUnauthenticated, errdefs.ErrPermissionDenied, errdefs.ErrNotModified, errdefs.ErrNotImplemented, errdefs.ErrUnavailable,
	errdefs.ErrResourceExhausted, errdefs.ErrOutOfRange, errdefs.ErrInternal, errdefs.ErrDataLoss, errdefs.ErrAborted,
}

// clean replaces control and formatting characters; line ends and tabs stay.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// gone reports whether an error only says that the client left.
func gone(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}
