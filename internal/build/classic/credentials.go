package classic

import (
	"context"
	"strings"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"

	"github.com/bailey-run/bailey/internal/image"
)

// Credentials answers BuildKit's questions for credentials with those that came with a request.
func Credentials(byRegistry map[string]image.Credential) session.Attachable {
	known := map[string]image.Credential{}
	for registry, c := range byRegistry {
		known[hostOf(registry)] = c
	}
	return &credentials{known: known}
}

type credentials struct {
	auth.UnimplementedAuthServer
	known map[string]image.Credential
}

// Register adds the service to a session.
func (c *credentials) Register(server *grpc.Server) { auth.RegisterAuthServer(server, c) }

// Credentials looks a registry up. An unknown one is asked anonymously.
func (c *credentials) Credentials(_ context.Context, r *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	found, ok := c.known[hostOf(r.Host)]
	if !ok {
		return &auth.CredentialsResponse{}, nil
	}
	user, secret := found.Reveal()
	return &auth.CredentialsResponse{Username: user, Secret: secret}, nil
}

// hostOf is a registry's host, however a client wrote it: Docker's own has three names.
func hostOf(registry string) string {
	registry = strings.TrimPrefix(strings.TrimPrefix(registry, "https://"), "http://")
	host, _, _ := strings.Cut(registry, "/")
	switch host {
	case "index.docker.io", "registry-1.docker.io":
		return "docker.io"
	}
	return strings.ToLower(host)
}
