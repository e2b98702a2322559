package classic

import (
	"errors"
	"strings"

	"github.com/containerd/errdefs"
	solvererrors "github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"
)

// BuildError is a build that failed. Its text names the command, and shows the lines of the file that it stands in.
type BuildError struct {
	text  string
	cause error
}

// Error is for the person who started the build.
func (e *BuildError) Error() string { return e.text }

// Unwrap is the class of the error, by which the API chooses a status.
func (e *BuildError) Unwrap() error { return e.cause }

// Explain turns an error of BuildKit's API into a *BuildError.
func Explain(err error) error {
	if err == nil {
		return nil
	}
	typed := grpcerrors.FromGRPC(err)
	text := typed.Error()
	if code := grpcerrors.Code(err); code == codes.Canceled {
		text = "the build was cancelled"
	}
	text = strings.TrimPrefix(text, "rpc error: code = Unknown desc = ")
	var b strings.Builder
	for _, source := range solvererrors.Sources(typed) {
		_ = source.Print(&b) // a strings.Builder takes everything
	}
	if b.Len() > 0 {
		text = strings.TrimRight(text, "\n") + "\n" + b.String()
	}
	var cause error
	if strings.Contains(text, "is refused by rule ") { // the gate's words; classes of errors do not survive the protocol
		cause = errdefs.ErrPermissionDenied
	}
	for _, class := range []error{errdefs.ErrNotFound, errdefs.ErrPermissionDenied, errdefs.ErrInvalidArgument, errdefs.ErrUnavailable} {
		if errors.Is(typed, class) {
			cause = class
		}
	}
	return &BuildError{text: text, cause: cause}
}
