package runtime

import (
	"errors"
	"fmt"
)

// ErrNotRunning means that the container's main process is not running.
var ErrNotRunning = errors.New("the container is not running")

// ErrNoExec means that the container has no exec of that id.
var ErrNoExec = errors.New("no such exec")

// StartError is a start or an exec that the supervisor or the OCI runtime
// refused. Code is the exit code that a command line shows for it: 127 when
// the program does not exist, 126 when it cannot be executed, 125 otherwise.
type StartError struct {
	Code    int
	Message string // in the words of whoever refused
}

func (e *StartError) Error() string { return e.Message }

// UnsafeRuntimeError is an OCI runtime with known holes, or one that is not
// what it was when it was checked.
type UnsafeRuntimeError struct {
	Path, Version string
	Why, Mend     string
}

func (e *UnsafeRuntimeError) Error() string {
	return fmt.Sprintf("the OCI runtime %s (version %s) is not used: %s; %s", e.Path, e.Version, e.Why, e.Mend)
}

// NotBuiltError means that the binary was built without the programs it ships.
type NotBuiltError struct{ Name string }

func (e *NotBuiltError) Error() string {
	return e.Name + " is missing: this bailey was built without its runtime; run `make build`"
}
