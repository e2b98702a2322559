package image

import (
	"context"
	"encoding/json"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// What BuildKit writes of an attestation: its media type (in-toto attestation, version 1) and where its kind stands.
const (
	inTotoType       = "application/vnd.in-toto+json"
	annotationOfType = "in-toto.io/predicate-type"
)

// Attestation is a statement that came with an image. Nothing has verified it: whoever made the image could write it.
type Attestation struct {
	Descriptor ocispec.Descriptor
	// Type is the URI of its predicate's type, such as https://slsa.dev/provenance/v1.
	Type string
	// Statement is the statement itself, a JSON document.
	Statement json.RawMessage
}

// Attestations lists the statements about the variant of an image that is on this node; only those that are here too.
func (s *Store) Attestations(ctx context.Context, img Image) ([]Attestation, error) {
	variants, err := s.Variants(ctx, img)
	if err != nil {
		return nil, err
	}
	ctx = s.context(ctx)
	var out []Attestation
	for _, v := range variants {
		if v.Attests != img.Manifest || !v.Available {
			continue
		}
		found, err := s.statements(ctx, v.Descriptor.Digest)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// statements reads those that an attestation's manifest lists.
func (s *Store) statements(ctx context.Context, id digest.Digest) ([]Attestation, error) {
	data, err := s.document(ctx, id, s.opts.Limits.Document)
	if err != nil {
		return nil, err
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, hostile.Refuse("attestation-malformed", string(id), "its manifest is no JSON document: %v", err)
	}
	var out []Attestation
	for _, d := range m.Layers {
		if d.MediaType != inTotoType {
			continue
		}
		statement, err := s.document(ctx, d.Digest, s.opts.Limits.Document)
		if err != nil {
			return nil, err
		}
		if !json.Valid(statement) {
			return nil, hostile.Refuse("attestation-malformed", string(d.Digest), "it is no JSON document")
		}
		d := ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Annotations: d.Annotations}
		out = append(out, Attestation{Descriptor: d, Type: d.Annotations[annotationOfType], Statement: statement})
	}
	return out, nil
}
