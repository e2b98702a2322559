package classic

import (
	"github.com/moby/buildkit/session"

	"github.com/bailey-run/bailey/internal/build/creds"
	"github.com/bailey-run/bailey/internal/image"
)

// Credentials answers BuildKit's questions for credentials with those that came with a request.
func Credentials(byRegistry map[string]image.Credential) session.Attachable {
	known := map[string]image.Credential{}
	for registry, c := range byRegistry {
		known[creds.Host(registry)] = c
	}
	return creds.Attachable(func(host string) (string, string) { return known[host].Reveal() })
}
