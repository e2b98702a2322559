package engine

import (
	"fmt"

	"github.com/containerd/errdefs"
)

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

// ExecTooLateError says that the run of its container ended between the creation and the start of an exec, of which nothing was
// executed. That is recorded as its end.
type ExecTooLateError struct {
	Exec      string // id
	Container string // name
}

func (e *ExecTooLateError) Error() string {
	return fmt.Sprintf("container %s is not running as it was when exec %.12s was created, and nothing was executed: create another, after `bailey start %[1]s` if it has stopped",
		e.Container, e.Exec)
}

// Unwrap makes it a conflict.
func (e *ExecTooLateError) Unwrap() error { return errdefs.ErrConflict }
