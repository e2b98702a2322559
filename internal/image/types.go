package image

import (
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image describes one image as it is held on this node, in the variant that fits this node's platform. It is a value: it
// does not change when the store does, and its maps and slices are shared, so nobody writes to them.
type Image struct {
	// ID is the digest of the manifest, or of the index, that the image's names point to.
	ID digest.Digest
	// Descriptor is the target itself: media type, digest, size in bytes.
	Descriptor ocispec.Descriptor
	// Manifest is the digest of the platform's manifest; equal to ID unless the target is an index.
	Manifest digest.Digest
	// ConfigDigest is the digest of the image's configuration: the classic Docker image id.
	ConfigDigest digest.Digest
	// Names are all names in full, for example "docker.io/library/debian:12" or "docker.io/library/debian@sha256:…".
	Names []string
	// RepoTags are the tagged names in the short form that docker shows, for example "debian:12"; sorted.
	RepoTags []string
	// RepoDigests are the repositories of the names with the ID, for example "debian@sha256:…"; sorted.
	RepoDigests []string
	// Created is the time written in the configuration; zero when there is none.
	Created time.Time
	// Tagged is when a name of the image was last set on this node.
	Tagged time.Time
	// Size is what the unpacked layers take, in bytes.
	Size int64
	// Platform is the platform written in the configuration.
	Platform ocispec.Platform
	// Config is the validated configuration (see image/config), with Docker's additions: healthcheck, shell, onbuild.
	Config dockerspec.DockerOCIImage
	// DiffIDs are the digests of the uncompressed layers, lowest first.
	DiffIDs []digest.Digest
	// Labels are those of the configuration. They were written by whoever built the image: never give them a meaning.
	Labels map[string]string
}

// Rootfs is the root filesystem of an image, ready to be the lower side of an overlay.
type Rootfs struct {
	// Key names the chain of layers; equal keys mean equal files.
	Key string
	// Lower are absolute directories, top layer first. They are read-only by convention: write to none of them.
	Lower []string
}

// Event is one step of something long, with the fields of Docker's JSON progress messages.
type Event struct {
	// ID is the short digest of the layer, or the tag, that the step is about; empty for a remark about the whole.
	ID string
	// Status says what happens, for example "Downloading", "Unpacking", "Loaded image: debian:12".
	Status string
	// Current and Total are bytes; Total is 0 when it is not known.
	Current, Total int64
	// Pushed is what the tag ID now points to; only in the last event of a push.
	Pushed *ocispec.Descriptor
}

// Progress receives events. It may be called from several goroutines, never at the same time; nil is allowed everywhere.
type Progress func(Event)

// Deleted is one line of the answer of Remove and Prune: either a name that was taken away or a digest that is gone.
type Deleted struct {
	Untagged string
	Deleted  string
}

// RemoveOptions changes what Remove does.
type RemoveOptions struct {
	// Force removes all names of an image that is asked for by id, and takes the last name of an image that containers
	// still use (its layers stay until they are gone).
	Force bool
}

// PruneOptions chooses what Prune removes.
type PruneOptions struct {
	// All removes every image that no container uses; otherwise only those without a name.
	All bool
	// Until spares images that were created at or after this time; zero spares none.
	Until time.Time
	// Labels and NotLabels are "key" or "key=value" filters; an image must fit all.
	Labels, NotLabels []string
}

// PruneReport says what Prune did.
type PruneReport struct {
	Deleted []Deleted
	// Reclaimed is the disk space won, in bytes.
	Reclaimed int64
}

// ImportOptions describes the image that Import makes from a root filesystem.
type ImportOptions struct {
	// Name is the name to give; empty leaves the image unnamed.
	Name string
	// Message is the comment of the history entry.
	Message string
	// Changes are Dockerfile instructions (CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER,
	// VOLUME, WORKDIR) applied to the configuration.
	Changes []string
	// Platform is written in the configuration; nil means this node's.
	Platform *ocispec.Platform
}

// PullOptions changes how Pull asks the registry.
type PullOptions struct {
	// Auth is who asks; the zero value asks anonymously.
	Auth Credential
	// Platform chooses from a multi-platform image; nil means this node's.
	Platform *ocispec.Platform
}

// PushOptions changes how Push speaks to the registry.
type PushOptions struct {
	// Auth is who pushes.
	Auth Credential
	// Platform sends of an image with several variants the one for it, and only that; nil sends what is there.
	Platform *ocispec.Platform
}

// HistoryEntry is one step of how an image was built, newest first in the answer of History.
type HistoryEntry struct {
	// ID is the image's id for the newest entry and empty for all others.
	ID        digest.Digest
	Created   time.Time
	CreatedBy string
	Comment   string
	Tags      []string
	// Size is what the step's layer takes unpacked, in bytes; 0 for a step without one.
	Size int64
}

// ImageUsage is the disk space of one image, in bytes.
type ImageUsage struct {
	Image Image
	// Shared is the part of Image.Size in layers that another image has too.
	Shared int64
	// Containers is how many containers use the image, as Options.InUse tells.
	Containers int
}

// Usage is the disk space of the store, in bytes.
type Usage struct {
	// Layers is what all unpacked layers take, each counted once.
	Layers int64
	// Content is what all blobs take.
	Content int64
	// Reclaimable is the part of Layers that only unused images hold.
	Reclaimable int64
	Images      []ImageUsage
}
