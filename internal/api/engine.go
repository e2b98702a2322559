package api

import (
	"context"
	"io"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	apiimage "github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Engine is what the server needs of a node. A ref is a name, an id or an
// unambiguous prefix of an id. Errors say by their type (package errdefs, and
// sandbox's refusals) which status they become; their text is shown to the client.
type Engine interface {
	Containers
	Sessions
	Files
	Images
	Networks
	Volumes
	System
}

// Containers are their lives.
type Containers interface {
	Create(ctx context.Context, r engine.CreateRequest) (engine.CreateResult, error)
	// Plan says what Create would do and does nothing.
	Plan(ctx context.Context, r engine.CreateRequest) (engine.Plan, error)
	Start(ctx context.Context, ref string) error
	Stop(ctx context.Context, ref string, o engine.StopOptions) error
	Restart(ctx context.Context, ref string, o engine.StopOptions) error
	// Kill sends a signal; "" means SIGKILL.
	Kill(ctx context.Context, ref, signal string) error
	Pause(ctx context.Context, ref string) error
	Unpause(ctx context.Context, ref string) error
	Rename(ctx context.Context, ref, name string) error
	// Update changes limits and the restart policy and returns warnings.
	Update(ctx context.Context, ref string, u container.UpdateConfig, caller sandbox.Caller) ([]string, error)
	Remove(ctx context.Context, ref string, o engine.RemoveOptions) error
	// Wait has registered the waiter when it returns.
	Wait(ctx context.Context, ref string, condition container.WaitCondition) (<-chan engine.WaitResult, error)
	List(ctx context.Context, o engine.ListOptions) ([]container.Summary, error)
	Inspect(ctx context.Context, ref string, size bool) (engine.Inspection, error)
	Top(ctx context.Context, ref, psArgs string) (container.TopResponse, error)
	// Stats yields samples until ctx ends or the container is gone; a single one without stream.
	// oneShot leaves out the sample before it, which takes a second to get.
	Stats(ctx context.Context, ref string, stream, oneShot bool) (<-chan container.StatsResponse, error)
	Prune(ctx context.Context, f engine.Filters) (engine.PruneReport, error)
	// CheckAttempts refuses containers in which the node attacks itself, to everybody else.
	CheckAttempts(caller sandbox.Caller, refs ...string) error
}

// Sessions are the streams of containers and the processes added to them.
type Sessions interface {
	Attach(ctx context.Context, ref string, r engine.AttachRequest) (engine.Attached, error)
	// Logs also reports whether the container has a terminal, so that all of its output is one stream.
	Logs(ctx context.Context, ref string, r engine.LogsRequest) (lines engine.LogReader, tty bool, err error)
	ExecCreate(ctx context.Context, ref string, r container.ExecCreateRequest) (id string, err error)
	// ExecStart returns no stream when the request says Detach.
	ExecStart(ctx context.Context, id string, r engine.ExecStartRequest) (engine.Stream, error)
	ExecInspect(ctx context.Context, id string) (container.ExecInspectResponse, error)
	ExecResize(ctx context.Context, id string, rows, cols uint16) error
	Resize(ctx context.Context, ref string, rows, cols uint16) error
}

// Files are those of a container, as tar archives.
type Files interface {
	StatPath(ctx context.Context, ref, path string) (container.PathStat, error)
	CopyFrom(ctx context.Context, ref, path string) (io.ReadCloser, container.PathStat, error)
	CopyTo(ctx context.Context, ref, path string, archive io.Reader, o engine.CopyOptions) error
	// Commit makes an image of a container and returns its id.
	Commit(ctx context.Context, ref string, r engine.CommitRequest) (string, error)
	Changes(ctx context.Context, ref string) ([]container.FilesystemChange, error)
	Export(ctx context.Context, ref string) (io.ReadCloser, error)
}

// Images are those that the node holds.
type Images interface {
	ImageList(ctx context.Context, o engine.ImageListOptions) ([]apiimage.Summary, error)
	ImageInspect(ctx context.Context, ref string, o engine.ImageInspectOptions) (apiimage.InspectResponse, error)
	// ImageHistory, ImageSave and ImageLoad are refused for a platform that the image, or the node, is not for; nil is any.
	ImageHistory(ctx context.Context, ref string, platform *ocispec.Platform) ([]apiimage.HistoryResponseItem, error)
	ImageAttestations(ctx context.Context, ref string, platform *ocispec.Platform) ([]image.Attestation, error)
	ImagePull(ctx context.Context, ref string, o image.PullOptions, p image.Progress) error
	ImagePush(ctx context.Context, ref string, o image.PushOptions, p image.Progress) error
	// Distribution asks a registry what it has under a name.
	Distribution(ctx context.Context, ref string, o image.PullOptions) (registry.DistributionInspect, error)
	// ImageLoad reports what it loaded as progress without an id.
	ImageLoad(ctx context.Context, archive io.Reader, platform *ocispec.Platform, p image.Progress) error
	ImageSave(ctx context.Context, refs []string, platform *ocispec.Platform, w io.Writer) error
	// ImageImport returns the new image's id.
	ImageImport(ctx context.Context, archive io.Reader, o image.ImportOptions, p image.Progress) (string, error)
	ImageTag(ctx context.Context, ref, name string) error
	ImageRemove(ctx context.Context, ref string, o image.RemoveOptions) ([]apiimage.DeleteResponse, error)
	ImagePrune(ctx context.Context, f engine.Filters) (apiimage.PruneReport, error)
}

// Networks are those of the node.
type Networks interface {
	NetworkCreate(ctx context.Context, r network.CreateRequest) (network.CreateResponse, error)
	NetworkList(ctx context.Context, f engine.Filters) ([]network.Summary, error)
	NetworkInspect(ctx context.Context, ref string) (network.Inspect, error)
	NetworkRemove(ctx context.Context, ref string) error
	NetworkPrune(ctx context.Context, f engine.Filters) (network.PruneReport, error)
	NetworkConnect(ctx context.Context, ref string, r network.ConnectRequest) error
	NetworkDisconnect(ctx context.Context, ref string, r network.DisconnectRequest) error
}

// Volumes are those of the node.
type Volumes interface {
	VolumeCreate(ctx context.Context, r volume.CreateRequest, caller sandbox.Caller) (volume.Volume, error)
	VolumeList(ctx context.Context, f engine.Filters) (volume.ListResponse, error)
	VolumeInspect(ctx context.Context, name string) (volume.Volume, error)
	VolumeRemove(ctx context.Context, name string, force bool) error
	VolumePrune(ctx context.Context, f engine.Filters) (volume.PruneReport, error)
}

// System is the node as a whole.
type System interface {
	Info(ctx context.Context) (system.Info, error)
	// Version leaves the API's own versions to the server.
	Version(ctx context.Context) (system.VersionResponse, error)
	// DiskUsage looks at the given kinds of objects, with their items.
	DiskUsage(ctx context.Context, objects []system.DiskUsageObject) (system.DiskUsage, error)
	// Events closes the channel when ctx or the asked time ends, or when the listener lags too far behind.
	Events(ctx context.Context, r engine.EventsRequest) (<-chan events.Message, error)
	// RegistryLogin tries credentials on their registry.
	RegistryLogin(ctx context.Context, a registry.AuthConfig) (registry.AuthResponse, error)
}
