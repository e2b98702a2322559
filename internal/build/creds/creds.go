// Package creds answers BuildKit's questions for credentials over a session, from whatever the client keeps them in.
package creds

import (
	"context"
	"strings"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"
)

// Lookup returns the credentials for a registry: a user with a password, or an identity token without a user. Two empty
// strings mean that it is asked anonymously. The host is as Host writes it.
type Lookup func(host string) (user, secret string)

// Attachable is the service for a session. Tokens are fetched by whoever asks: what leaves the client is what it would
// send with a pull.
func Attachable(lookup Lookup) session.Attachable { return &server{lookup: lookup} }

type server struct {
	auth.UnimplementedAuthServer
	lookup Lookup
}

// Register adds the service to a session.
func (s *server) Register(server *grpc.Server) { auth.RegisterAuthServer(server, s) }

// Credentials looks a registry up.
func (s *server) Credentials(_ context.Context, r *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	user, secret := s.lookup(Host(r.Host))
	return &auth.CredentialsResponse{Username: user, Secret: secret}, nil
}

// Host is a registry's host, however somebody wrote it: Docker's own has several names.
func Host(registry string) string {
	registry = strings.TrimPrefix(strings.TrimPrefix(registry, "https://"), "http://")
	host, _, _ := strings.Cut(registry, "/")
	switch host {
	case "index.docker.io", "registry-1.docker.io":
		return "docker.io"
	}
	return strings.ToLower(host)
}
