package engine

import (
	"time"

	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// CreateRequest is everything that decides what a container will be. The
// Docker API's own types are its vocabulary; Caller is who asks.
type CreateRequest struct {
	// Name is the wanted name, without a leading slash; empty lets the engine choose.
	Name       string
	Config     *container.Config
	HostConfig *container.HostConfig
	Networking *network.NetworkingConfig
	Platform   *ocispec.Platform
	Caller     sandbox.Caller
	// ExternalID is the id under which the caller knows the container; see Executor.
	ExternalID string
}

// CreateResult names the new container.
type CreateResult struct {
	ID       string
	Warnings []string
}

// Plan is what Create would do, without doing it.
type Plan struct {
	Posture  sandbox.Posture
	Controls []sandbox.Control
	Warnings []string
}

// StopOptions says how to end a container. A nil Timeout means the
// container's own grace; -1 waits for ever; the unit is seconds.
type StopOptions struct {
	Signal  string
	Timeout *int
}

// RemoveOptions says how thoroughly to remove a container.
type RemoveOptions struct {
	Force   bool // kill it first when it runs
	Volumes bool // remove its anonymous volumes too
	Link    bool // the Docker API's link removal, which is refused
}

// WaitResult is how a container ended. Err is set when waiting itself failed.
type WaitResult struct {
	ExitCode int
	Err      error
}

// AttachRequest chooses which streams of a container a client wants.
type AttachRequest struct {
	Stdin, Stdout, Stderr bool
	Logs                  bool // replay what was logged before
	Stream                bool // and go on with what comes
	DetachKeys            string
}

// Stream is an attached session. Frames carry the stream number of the
// Docker API's multiplexing (0 stdin, 1 stdout, 2 stderr); with a terminal
// everything is stream 1. io.EOF ends it.
type Stream interface {
	// ReadFrame returns the next piece of output; the bytes are valid until the next call.
	ReadFrame() (stream byte, payload []byte, err error)
	// Write sends to the standard input.
	Write(p []byte) (int, error)
	// CloseWrite closes the standard input and leaves the output open.
	CloseWrite() error
	Close() error
}

// Attached is a Stream and what its reader must know to interpret it.
type Attached struct {
	Stream Stream
	TTY    bool
}

// LogsRequest chooses log lines. Tail < 0 means all.
type LogsRequest struct {
	Stdout, Stderr bool
	Follow         bool
	Timestamps     bool
	Details        bool
	Since, Until   time.Time
	Tail           int
}

// LogLine is one line of output as it was logged. Attrs carries the details
// that a client may ask for.
type LogLine struct {
	Stream byte // 1 stdout, 2 stderr
	Time   time.Time
	Text   []byte // with its line end, if it had one
}

// LogReader yields lines until io.EOF; Close ends a follower.
type LogReader interface {
	Next() (LogLine, error)
	Close() error
}

// ExecStartRequest begins a created exec. With Detach no stream is returned.
type ExecStartRequest struct {
	Detach      bool
	TTY         bool
	ConsoleSize *[2]uint // height, width in characters
	DetachKeys  string
}

// ListOptions filters the list of containers.
type ListOptions struct {
	All     bool
	Limit   int
	Size    bool
	Filters Filters
}

// Filters are the Docker API's: a key has values of which one must match.
type Filters map[string][]string

// Inspection is a container as the Docker API shows it, with its posture.
type Inspection struct {
	container.InspectResponse
	// Posture is what the container's sandbox is made of.
	Posture sandbox.Posture
	// Controls shows the posture control by control against the default.
	Controls []sandbox.Control
}

// CopyOptions says how an archive is laid into a container.
type CopyOptions struct {
	NoOverwriteDirNonDir bool
	CopyUIDGID           bool
}

// PruneReport lists what a prune removed and the bytes it freed.
type PruneReport struct {
	Deleted        []string
	SpaceReclaimed uint64
}

// EventsRequest chooses events; zero times mean from now and for ever.
type EventsRequest struct {
	Since, Until time.Time
	Filters      Filters
}
