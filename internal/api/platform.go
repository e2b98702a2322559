package api

import (
	"strings"

	"github.com/bailey-run/bailey/internal/api/strict"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// platform reads a parameter that chooses a variant of an image, as JSON; nil when it is missing.
func (q *query) platform(key string) *ocispec.Platform {
	text := q.text(key)
	if text == "" {
		return nil
	}
	p, err := strict.Decode[ocispec.Platform](strings.NewReader(text), strict.Options{MaxBytes: 1 << 10, MaxDepth: 2})
	if err != nil || p.OS == "" {
		q.fail(key, `must be a platform such as {"os":"linux","architecture":"arm64"}`)
		return nil
	}
	return &p
}

// parsePlatform reads os[/architecture[/variant]], or an architecture alone; nil for "".
func parsePlatform(s string) (*ocispec.Platform, error) {
	if s == "" {
		return nil, nil
	}
	if len(s) > 64 {
		return nil, invalid("the platform %q is not of the form os/architecture/variant, such as linux/arm64", shorten(s))
	}
	p, err := platforms.Parse(s)
	if err != nil {
		return nil, invalid("%v: it is not of the form os/architecture/variant, such as linux/arm64", err)
	}
	return &p, nil
}
