package api

import (
	"encoding/json"
	"net/http"
	"slices"

	apiimage "github.com/moby/moby/api/types/image"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// attestationsRequest is which statements about an image are wanted, and whether with their text.
type attestationsRequest struct {
	platform *ocispec.Platform
	types    []string
	text     bool
}

func decodeAttestations(c *call) (attestationsRequest, error) {
	return attestationsRequest{platform: c.q.platform("platform"), types: c.q.list("type"), text: c.q.flag("statement")}, nil
}

func getAttestations(c *call, r attestationsRequest) error {
	found, err := c.s.engine.ImageAttestations(c.ctx(), c.name, r.platform)
	if err != nil {
		return err
	}
	out := []apiimage.AttestationStatement{}
	for _, a := range found {
		if len(r.types) > 0 && !slices.Contains(r.types, a.Type) {
			continue
		}
		s := apiimage.AttestationStatement{Descriptor: a.Descriptor, PredicateType: a.Type}
		if r.text {
			text := json.RawMessage(a.Statement)
			s.Statement = &text
		}
		out = append(out, s)
	}
	return c.json(http.StatusOK, out)
}
