package files

import (
	"os"
	"time"
)

// Mapping says how ids that the root shows relate to the container's own:
// id of the container = id shown - Base. It is zero for a view of a container
// that does not run.
type Mapping struct{ Base uint32 }

// Stat describes one path of a container.
type Stat struct {
	Name       string
	Size       int64 // bytes
	Mode       os.FileMode
	Mtime      time.Time
	LinkTarget string
}

// UntarOptions says how an archive is laid into a container.
type UntarOptions struct {
	// NoOverwriteDirNonDir refuses to replace a directory by a file and the reverse.
	NoOverwriteDirNonDir bool
	// KeepIDs takes the archive's user and group ids; otherwise files belong to the container's root.
	KeepIDs bool
}

// Kind of a Change.
type Kind uint8

// The kinds of change, in the Docker API's numbers.
const (
	Modified Kind = iota
	Added
	Deleted
)

// Change is one path that differs from the image.
type Change struct {
	Path string
	Kind Kind
}
