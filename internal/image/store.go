package image

import (
	"context"
	"errors"
	"io"
)

// Store holds the images of one node. Its methods may be called at the same time.
type Store struct{}

var errUnbuilt = errors.New("image: this build has no image store yet")

// Open opens or makes the store below Options.Root, and removes what an earlier process left half done.
func Open(ctx context.Context, opts Options) (*Store, error) { return nil, errUnbuilt }

// Close waits for nothing and closes the databases; the store may not be used afterwards.
func (s *Store) Close() error { return nil }

// Get finds an image by name, by id, by the beginning of an id (at least 4 hex digits), or by the digest of its
// configuration. It returns *NotFoundError or *AmbiguousError.
func (s *Store) Get(ctx context.Context, ref string) (Image, error) { return Image{}, errUnbuilt }

// List returns all images, newest first; images that several names share appear once.
func (s *Store) List(ctx context.Context) ([]Image, error) { return nil, errUnbuilt }

// Load reads a docker-archive or an OCI layout (tar, also compressed with gzip or zstd), checks and unpacks every image in it.
func (s *Store) Load(ctx context.Context, r io.Reader, progress Progress) ([]Image, error) {
	return nil, errUnbuilt
}

// Save writes images as one OCI layout that stock docker can load too (it has a manifest.json).
func (s *Store) Save(ctx context.Context, refs []string, w io.Writer) error { return errUnbuilt }

// Import makes an image of one layer from a tar of a root filesystem.
func (s *Store) Import(ctx context.Context, r io.Reader, opts ImportOptions, progress Progress) (Image, error) {
	return Image{}, errUnbuilt
}

// Tag gives an image one more name; a name that pointed elsewhere is moved.
func (s *Store) Tag(ctx context.Context, ref, name string) error { return errUnbuilt }

// Remove takes a name away, and the image with its last name.
func (s *Store) Remove(ctx context.Context, ref string, opts RemoveOptions) ([]Deleted, error) {
	return nil, errUnbuilt
}

// Prune removes images that no container uses.
func (s *Store) Prune(ctx context.Context, opts PruneOptions) (PruneReport, error) {
	return PruneReport{}, errUnbuilt
}

// History returns how the image was built, newest step first.
func (s *Store) History(ctx context.Context, ref string) ([]HistoryEntry, error) {
	return nil, errUnbuilt
}

// Pull fetches an image from its registry, checks and unpacks it.
func (s *Store) Pull(ctx context.Context, ref string, opts PullOptions, progress Progress) (Image, error) {
	return Image{}, errUnbuilt
}

// Push sends an image to the registry that its name tells.
func (s *Store) Push(ctx context.Context, ref string, opts PushOptions, progress Progress) error {
	return errUnbuilt
}

// Usage measures the store.
func (s *Store) Usage(ctx context.Context) (Usage, error) { return Usage{}, errUnbuilt }

// Rootfs returns the directories of the image's layers. They stay until the image is removed; the second call for an image
// costs microseconds.
func (s *Store) Rootfs(ctx context.Context, img Image) (Rootfs, error) { return Rootfs{}, errUnbuilt }
