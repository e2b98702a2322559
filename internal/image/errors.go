package image

import (
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// HostileError says why an archive, a layer, a manifest or a configuration was refused. It is an errdefs.ErrInvalidArgument.
type HostileError = hostile.Error

// NotFoundError says that no image has the name or id that was asked for. It is an errdefs.ErrNotFound.
type NotFoundError struct {
	// Ref is what was asked for, in the caller's spelling.
	Ref string
}

// Error names the image in the words that Docker's clients look for, and the command that fetches it.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("No such image: %s: fetch it with `bailey pull %s`, or load one with `bailey load -i FILE`", e.Ref, e.Ref)
}

// Unwrap makes errors.Is(err, errdefs.ErrNotFound) true.
func (e *NotFoundError) Unwrap() error { return errdefs.ErrNotFound }

// AmbiguousError says that a short id fits several images. It is an errdefs.ErrInvalidArgument.
type AmbiguousError struct {
	Ref string
	// IDs are the images that fit.
	IDs []string
}

// Error names the ids that fit.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("short id %q fits %d images (%s): give more digits", e.Ref, len(e.IDs), strings.Join(e.IDs, ", "))
}

// Unwrap makes errors.Is(err, errdefs.ErrInvalidArgument) true.
func (e *AmbiguousError) Unwrap() error { return errdefs.ErrInvalidArgument }

// InUseError says that containers still need the image. It is an errdefs.ErrFailedPrecondition, which the Docker
// API answers with 409.
type InUseError struct {
	Ref        string
	Containers []string
}

// Error names the containers and the command that removes one.
func (e *InUseError) Error() string {
	return fmt.Sprintf("image %s is used by container %s: remove it first with `bailey rm %s`, or give --force to take only the name",
		e.Ref, strings.Join(e.Containers, ", "), e.Containers[0])
}

// Unwrap makes errors.Is(err, errdefs.ErrFailedPrecondition) true.
func (e *InUseError) Unwrap() error { return errdefs.ErrFailedPrecondition }
