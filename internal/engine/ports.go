package engine

import (
	"context"
	"io"
	"os"

	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/network"
	"github.com/bailey-run/bailey/internal/secret"
	apinetwork "github.com/moby/moby/api/types/network"
)

// Images is what the engine needs of an image store.
type Images interface {
	Get(ctx context.Context, ref string) (image.Image, error)
	List(ctx context.Context) ([]image.Image, error)
	Rootfs(ctx context.Context, img image.Image) (image.Rootfs, error)
	Load(ctx context.Context, r io.Reader, progress image.Progress) ([]image.Image, error)
	Save(ctx context.Context, refs []string, w io.Writer) error
	Import(ctx context.Context, r io.Reader, opts image.ImportOptions, progress image.Progress) (image.Image, error)
	Commit(ctx context.Context, base string, layer io.Reader, opts image.CommitOptions) (image.Image, error)
	Tag(ctx context.Context, ref, name string) error
	Remove(ctx context.Context, ref string, opts image.RemoveOptions) ([]image.Deleted, error)
	Prune(ctx context.Context, opts image.PruneOptions) (image.PruneReport, error)
	Variants(ctx context.Context, img image.Image) ([]image.Variant, error)
	Attestations(ctx context.Context, img image.Image) ([]image.Attestation, error)
	History(ctx context.Context, ref string) ([]image.HistoryEntry, error)
	Pull(ctx context.Context, ref string, opts image.PullOptions, progress image.Progress) (image.Image, error)
	Distribution(ctx context.Context, ref string, opts image.PullOptions) (image.Distributed, error)
	Push(ctx context.Context, ref string, opts image.PushOptions, progress image.Progress) error
	Usage(ctx context.Context) (image.Usage, error)
}

// Networks is what the engine needs of a network manager.
type Networks interface {
	Prewire(ctx context.Context, netns *os.File) (network.Segment, error)
	Claim(ctx context.Context, s network.Segment, r network.WireRequest) (network.Attachment, error)
	Discard(ctx context.Context, s network.Segment) error
	Wire(ctx context.Context, r network.WireRequest) (network.Attachment, error)
	Release(ctx context.Context, containerID string) error
	Adopt(ctx context.Context, live []network.Attachment) error
	Attachment(containerID string) (network.Attachment, bool)
	Connect(ctx context.Context, r network.ConnectRequest) (network.Attachment, error)
	Disconnect(ctx context.Context, r network.DisconnectRequest) (network.Attachment, error)
	Rename(ctx context.Context, containerID, name string) error
	Create(ctx context.Context, r apinetwork.CreateRequest) (apinetwork.CreateResponse, error)
	List(ctx context.Context, f network.Filter) ([]apinetwork.Summary, error)
	Inspect(ctx context.Context, ref string) (apinetwork.Inspect, error)
	Remove(ctx context.Context, ref string) (string, error)
	Prune(ctx context.Context, f network.Filter) ([]string, error)
}

// Secrets is what the engine needs of a store of secrets.
type Secrets interface {
	// Check says whether the secret exists, without revealing it.
	Check(name string) error
	Get(name string) (secret.Value, error)
	// Seal encrypts what only this node is to read; Unseal decrypts it, at most limit bytes.
	Seal(v secret.Value) ([]byte, error)
	Unseal(sealed io.Reader, limit int64) (secret.Value, error)
}
