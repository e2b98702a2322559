package image

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/image-spec/identity"

	"github.com/opencontainers/go-digest"
)

// Rootfs returns the directories of the image's layers. They stay until the image is removed; the second call for an image
// costs less than a microsecond. An image without layers gets one empty directory.
func (s *Store) Rootfs(ctx context.Context, img Image) (Rootfs, error) {
	if r, ok := s.roots.Load(img.Manifest); ok {
		return r.(Rootfs), nil
	}
	ctx = s.context(ctx)
	s.rootsMu.Lock()
	defer s.rootsMu.Unlock()
	if len(s.namesOf(img.ID)) == 0 {
		return Rootfs{}, &NotFoundError{Ref: img.ID.String()}
	}
	r := Rootfs{Key: "empty"}
	if len(img.DiffIDs) > 0 {
		chain := identity.ChainID(append([]digest.Digest(nil), img.DiffIDs...))
		lower, err := s.lower(ctx, chain.String())
		if errdefs.IsNotFound(err) {
			return Rootfs{}, fmt.Errorf("image %s has lost layers on this node: remove it and fetch it again: %w", img.ID, err)
		}
		if err != nil {
			return Rootfs{}, err
		}
		r = Rootfs{Key: chain.String(), Lower: lower}
	} else {
		empty := filepath.Join(s.opts.Root, "empty")
		if err := os.Mkdir(empty, 0o755); err != nil && !os.IsExist(err) {
			return Rootfs{}, fmt.Errorf("make an empty layer: %w", err)
		}
		r.Lower = []string{empty}
	}
	s.roots.Store(img.Manifest, r)
	return r, nil
}
