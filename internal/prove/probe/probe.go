package probe

import (
	"errors"
	"fmt"
)

// Probe is one attack that must fail, and where it must succeed.
type Probe struct {
	// ID is the control's name, a slash, and a name among the control's probes. It never changes.
	ID string
	// Control is the name of the control that must stop the attempt, as the posture shows it.
	Control string
	// Tries says what is tried, as in "set up an io_uring".
	Tries string
	// Source is the CVE, manual page or specification that the attempt goes back to.
	Source string
	// As says who tries: root of the container, an ordinary user, or both one after the other.
	As User
	// Twin says where the attempt must succeed.
	Twin Twin
	// Alone asks for a container of its own: the attempt exhausts what others need.
	Alone bool
	// Attempt attacks. See the package for what it returns.
	Attempt func() error
}

// User is who makes an attempt.
type User int

// The users.
const (
	Both   User = iota // root, and an ordinary user
	Root               // user 0 of the container
	Nobody             // user 65534, whom no capability helps
)

// Twin is where the same attempt must succeed: by default in a container that
// differs in the probe's own control alone, which also shows that it is this
// control and no other that stops it.
type Twin struct {
	// Without names further controls that must be off: the attempt is stopped by several.
	Without []string
	// Host runs the attempt on the host instead, as root in namespaces of its own: no
	// container can be weak enough.
	Host bool
}

// errUntried marks what says nothing about the control.
var errUntried = errors.New("could not be tried")

// Untried says that an attempt could not be made, and why: that is no proof.
func Untried(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errUntried, fmt.Errorf(format, args...))
}
