package client

import (
	"context"
	"io"
	"net"

	"github.com/bailey-run/bailey/internal/build/creds"
)

// Node is how to reach the node's API: a connection that has left HTTP for a protocol.
type Node interface {
	DialHijack(ctx context.Context, path, protocol string, header map[string][]string) (net.Conn, error)
}

// Options is a build as a command line asks for it. Lists of strings are as Docker's command line writes them.
type Options struct {
	// Context is a directory, an address, or "-" for an archive or a Dockerfile on In.
	Context string
	// File is the Dockerfile's path, "-" for In, or "" for the context's own.
	File      string
	Tags      []string
	Target    string
	BuildArgs []string // NAME=VALUE, or NAME for the environment's
	Labels    []string
	Contexts  []string // further ones: NAME=PLACE
	Secrets   []string
	SSH       []string
	AddHosts  []string
	Platforms []string
	Outputs   []string
	CacheFrom []string
	CacheTo   []string
	// NoCache builds everything anew, NoCacheStages these stages.
	NoCache       bool
	NoCacheStages []string
	// Pull looks for newer base images.
	Pull bool
	// Network is "", "default", "none" or "host".
	Network string
	ShmSize string
	Ulimits []string
	Allow   []string
	// Provenance is "", "true", "false", or attributes such as mode=max.
	Provenance string
	SBOM       string
	// Progress is "auto", "plain", "tty", "rawjson" or "quiet".
	Progress string
	Quiet    bool
	// IDFile and MetadataFile get the image's id and what the build answered.
	IDFile, MetadataFile string

	In  io.Reader
	Out io.Writer
	// Err shows the progress.
	Err io.Writer
	// Credentials looks up the user's for a registry; nil knows none.
	Credentials creds.Lookup
	// Environment looks up a variable of the user's environment.
	Environment func(name string) (string, bool)
}
