package engine

import "github.com/containerd/errdefs"

// NotModifiedError says that what was asked for is so already. The Docker API
// answers it with 304.
type NotModifiedError struct {
	What string
}

// Error says what is so already.
func (e *NotModifiedError) Error() string { return e.What }

// NotModified marks the error for whoever maps errors to answers.
func (e *NotModifiedError) NotModified() {}

// NotFoundError says that a container or an exec does not exist. Its words
// are Docker's, because clients look for them.
type NotFoundError struct {
	Kind, Ref string
}

// Error names what is missing, and the command that lists what there is.
func (e *NotFoundError) Error() string {
	text := "No such " + e.Kind + ": " + e.Ref
	if e.Kind == "container" {
		text += " (`bailey ps -a` lists those there are)"
	}
	return text
}

// Unwrap makes errors.Is(err, errdefs.ErrNotFound) true.
func (e *NotFoundError) Unwrap() error { return errdefs.ErrNotFound }
