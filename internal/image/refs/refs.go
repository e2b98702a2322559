// Package refs reads the names of images: it is the only place that decides what a name may look like and what its full
// form is, so that no two parts of the store can understand one text in two ways.
package refs

import (
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// maxName is the longest name that is looked at, in bytes: 255 for the repository, 128 for a tag, the rest for a digest.
const maxName = 512

// Name is the name of an image in full.
type Name struct {
	named reference.Named
}

// Parse reads a name as people write it ("debian", "debian:12", "ghcr.io/a/b@sha256:…"). Without a registry it means
// docker.io, without tag and digest it means the tag latest. Identifiers (64 hex digits) and digests alone are not names.
func Parse(s string) (Name, error) {
	if len(s) > maxName {
		return Name{}, hostile.Refuse("reference", s, "the name has %d bytes, at most %d are allowed", len(s), maxName)
	}
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return Name{}, hostile.Refuse("reference", s, "it is not the name of an image, such as debian:12 or registry.example.org/team/app:1.0 (%v)", err)
	}
	named = reference.TagNameOnly(named)
	if canonical, ok := named.(reference.Digested); ok && canonical.Digest().Algorithm() != digest.SHA256 {
		return Name{}, hostile.Refuse("reference", s, "only sha256 digests are supported")
	}
	switch reference.FamiliarName(named) {
	case "scratch":
		return Name{}, hostile.Refuse("reference", s, "\"scratch\" is reserved for the empty image")
	case "sha256", "sha512":
		return Name{}, hostile.Refuse("reference", s, "refusing to create an ambiguous tag using digest algorithm as name")
	}
	return Name{named}, nil
}

// Repository reads a name that has neither tag nor digest, and so means a whole repository; ok is false for any other text.
func Repository(s string) (name string, ok bool) {
	n, err := Parse(s)
	if err != nil {
		return "", false
	}
	named, err := reference.ParseNormalizedNamed(s)
	return n.Repository(), err == nil && reference.IsNameOnly(named)
}

// ParseTag is Parse for a name to give: it must not have a digest, which follows from the content.
func ParseTag(s string) (Name, error) {
	n, err := Parse(s)
	if err == nil && n.Digest() != "" {
		return Name{}, hostile.Refuse("reference", s, "a name to give cannot have a digest; leave out %q", "@"+string(n.Digest()))
	}
	return n, err
}

// String is the name in full, for example "docker.io/library/debian:12".
func (n Name) String() string { return n.named.String() }

// Familiar is the name as docker shows it, for example "debian:12".
func (n Name) Familiar() string { return reference.FamiliarString(n.named) }

// Repository is the name without tag and digest as docker shows it, for example "debian".
func (n Name) Repository() string { return reference.FamiliarName(n.named) }

// Host is the registry, for example "docker.io" or "127.0.0.1:5000".
func (n Name) Host() string { return reference.Domain(n.named) }

// Path is the repository within the registry, for example "library/debian".
func (n Name) Path() string { return reference.Path(n.named) }

// Tag is the tag, "" for a name that has only a digest.
func (n Name) Tag() string {
	if tagged, ok := n.named.(reference.Tagged); ok {
		return tagged.Tag()
	}
	return ""
}

// Digest is the digest of the name, "" when it has none.
func (n Name) Digest() digest.Digest {
	if digested, ok := n.named.(reference.Digested); ok {
		return digested.Digest()
	}
	return ""
}

// WithDigest is the repository with a digest instead of a tag, in full.
func (n Name) WithDigest(d digest.Digest) Name {
	named, err := reference.WithDigest(reference.TrimNamed(n.named), d)
	if err != nil {
		// d was validated where it came from; WithDigest refuses nothing else.
		panic("refs: " + err.Error())
	}
	return Name{named}
}

// ID reads "sha256:…" or plain hex digits as the beginning of an image id; ok is false for anything else and for fewer than
// 4 digits.
func ID(s string) (hex string, ok bool) {
	hex = strings.TrimPrefix(s, "sha256:")
	if len(hex) < 4 || len(hex) > 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return "", false
	}
	return hex, true
}
