package api

import (
	"strings"

	"github.com/bailey-run/bailey/internal/api/strict"
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

// parsePlatform reads os[/architecture[/variant]]; nil for "".
func parsePlatform(s string) (*ocispec.Platform, error) {
	if s == "" {
		return nil, nil
	}
	parts := strings.Split(strings.ToLower(s), "/")
	for _, part := range parts {
		if part == "" || len(parts) > 3 || strings.ContainsFunc(part, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' }) {
			return nil, invalid("the platform %q is not of the form os/architecture/variant, such as linux/arm64", shorten(s))
		}
	}
	p := &ocispec.Platform{OS: parts[0]}
	if len(parts) > 1 {
		p.Architecture = parts[1]
		if known, ok := architectures[p.Architecture]; ok {
			p.Architecture = known
		}
	}
	if len(parts) > 2 {
		p.Variant = parts[2]
	}
	return p, nil
}

// architectures are the other names that uname and people use.
var architectures = map[string]string{"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "i386": "386"}
