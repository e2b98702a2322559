package network

import (
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
)

// HostNetworkError says that a container was asked to share the host's network. It is errdefs.ErrPermissionDenied.
type HostNetworkError struct{ ContainerID string }

func (e *HostNetworkError) Error() string {
	return fmt.Sprintf("container %.12s asks for the host's network: a container of Bailey always has a network namespace of its own; "+
		"leave --network out, or publish the ports that it serves with -p", e.ContainerID)
}

// Unwrap makes the error an errdefs.ErrPermissionDenied.
func (e *HostNetworkError) Unwrap() error { return errdefs.ErrPermissionDenied }

// NotFoundError says that there is no such network. It is errdefs.ErrNotFound.
type NotFoundError struct{ Ref string }

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("network %s not found: bailey network create %s makes it, bailey network ls lists those there are", e.Ref, e.Ref)
}

// Unwrap makes the error an errdefs.ErrNotFound.
func (e *NotFoundError) Unwrap() error { return errdefs.ErrNotFound }

// InUseError says that a network cannot be removed because containers are on it. It is errdefs.ErrFailedPrecondition.
type InUseError struct {
	Network    string
	Containers []string
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("network %s is in use by %s: stop or disconnect them first (bailey network disconnect %s CONTAINER)",
		e.Network, strings.Join(e.Containers, ", "), e.Network)
}

// Unwrap makes the error an errdefs.ErrFailedPrecondition.
func (e *InUseError) Unwrap() error { return errdefs.ErrFailedPrecondition }

// PortTakenError says that a port of the host cannot be published on. It is errdefs.ErrFailedPrecondition.
type PortTakenError struct {
	// Address is host:port/protocol.
	Address string
	// By is the id of the container that has it, or "" when it is not one of this node's.
	By  string
	Err error
}

func (e *PortTakenError) Error() string {
	by := "a program of this host listens there"
	if e.By != "" {
		by = "container " + shortID(e.By) + " has it"
	}
	return fmt.Sprintf("port %s is taken: %s; publish on another with -p, or stop the other (ss -lntup shows it)", e.Address, by)
}

// Unwrap makes the error an errdefs.ErrFailedPrecondition, and shows the kernel's.
func (e *PortTakenError) Unwrap() []error {
	if e.Err == nil {
		return []error{errdefs.ErrFailedPrecondition}
	}
	return []error{errdefs.ErrFailedPrecondition, e.Err}
}

// refusal is an error of one kind, with a message of its own.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func invalid(format string, args ...any) error {
	return &refusal{errdefs.ErrInvalidArgument, fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &refusal{errdefs.ErrFailedPrecondition, fmt.Sprintf(format, args...)}
}

func denied(format string, args ...any) error {
	return &refusal{errdefs.ErrPermissionDenied, fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &refusal{errdefs.ErrNotImplemented, fmt.Sprintf(format, args...)}
}
