package store

import (
	"time"

	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// Container is all that is known of a container, as it is kept on disk.
type Container struct {
	ID      string
	Name    string
	Created time.Time

	Config     container.Config
	HostConfig container.HostConfig
	Networking *network.NetworkingConfig `json:",omitempty"`

	// ImageID is the digest that the name in Config.Image meant at create;
	// later starts use it, whatever the name means then.
	ImageID string
	// Args is the entry point and the command, resolved against the image.
	Args    []string
	Posture sandbox.Posture
	Mounts  []Mount

	State        State
	RestartCount int
	// RetriesInRow is how many of those followed one another quickly.
	RetriesInRow int `json:",omitempty"`
	// StoppedByUser keeps a restart policy from undoing a stop.
	StoppedByUser bool
	// Attempt marks a container in which the node attacks its own controls. It may have what no policy gives.
	Attempt bool `json:",omitempty"`
	// ExternalID is the id under which a caller, such as a scheduler, knows it.
	ExternalID string `json:",omitempty"`
}

// Status is where a container stands in its life, in the Docker API's words.
type Status string

// The statuses of a container.
const (
	Created    Status = "created"
	Running    Status = "running"
	Paused     Status = "paused"
	Restarting Status = "restarting"
	Exited     Status = "exited"
	Removing   Status = "removing"
	Dead       Status = "dead"
)

// State is the part of a container that changes as it lives.
type State struct {
	Status     Status
	Pid        int
	ExitCode   int
	Error      string `json:",omitempty"`
	OOMKilled  bool   `json:",omitempty"`
	StartedAt  time.Time
	FinishedAt time.Time
	// Fault is why the node itself ends the container. It is recorded before it
	// does so, and keeps a restart policy from starting it again.
	Fault string `json:",omitempty"`
	// Hints explain the end to a person, where the cause was recognised.
	Hints []string `json:",omitempty"`
}

// Mount is a resolved mount: what is where, and on which host path it lies.
type Mount struct {
	Type        string // bind, volume, tmpfs
	Name        string `json:",omitempty"` // of a volume
	Source      string `json:",omitempty"` // host path
	Destination string
	ReadOnly    bool
	Anonymous   bool `json:",omitempty"` // removed with the container
	NoCopy      bool `json:",omitempty"` // do not fill an empty volume from the image
	Mode        string
}

// Volume is a named place for data that outlives containers.
type Volume struct {
	Name      string
	Created   time.Time
	Labels    map[string]string `json:",omitempty"`
	Options   map[string]string `json:",omitempty"`
	Anonymous bool              `json:",omitempty"`
	// Bytes and Inodes cap what it holds. 0 is a volume from before there was
	// a cap, which has the default; -1 is no limit.
	Bytes, Inodes int64 `json:",omitempty"`
}
