package build

import (
	"io"

	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// Request is a build as the Docker API asks for it (POST /build).
type Request struct {
	// ID is what Cancel knows the build by; it may be empty.
	ID     string
	Caller sandbox.Caller
	// Context is a tar of the build's files. Nil when Remote names them, or Session brings them.
	Context io.Reader
	// Remote is an address of the files: of a git repository, or of an archive.
	Remote string
	// Session is the client's session, for its files, secrets and credentials; "" has none.
	Session string
	// Dockerfile is the path of the file to build from, in the context; "" means "Dockerfile".
	Dockerfile string
	// Tags are names for the image.
	Tags []string
	// Args that have no value take none from anywhere: the client has filled them in.
	Args   map[string]*string
	Labels map[string]string
	Target string
	// NoCache builds everything anew, Pull looks for newer base images.
	NoCache, Pull bool
	// Network is "", "default", "none" or "host".
	Network    string
	CacheFrom  []string
	ExtraHosts []string
	Platform   string
	ShmSize    int64
	Ulimits    []sandbox.Ulimit
	// Outputs are where the result goes instead of the image store, by the client's session.
	Outputs []Output
	// Auth are the client's credentials by registry.
	Auth map[string]image.Credential
}

// Output is one place where a result goes.
type Output struct {
	Type  string
	Attrs map[string]string
}

// Message is one thing that a build says while it runs. One of its fields is set.
type Message struct {
	// Text is output for a person.
	Text string
	// Trace is BuildKit's progress as its protocol encodes it (StatusResponse), for clients that draw it themselves.
	Trace []byte
	// ImageID is the result.
	ImageID string
}
