package image

import "github.com/bailey-run/bailey/internal/image/registry"

// Credential is who speaks to a registry. It never shows its secrets when it is printed, logged or marshalled.
type Credential = registry.Credential

// ParseAuth reads the X-Registry-Auth header of the Docker API: base64 (URL alphabet, with or without padding) of a JSON
// AuthConfig. An empty header is the anonymous credential.
func ParseAuth(header string) (Credential, error) { return registry.ParseAuth(header) }

// ParseAuthConfigs reads the X-Registry-Config header of the Docker API: like X-Registry-Auth, of an object with an
// AuthConfig for each registry.
func ParseAuthConfigs(header string) (map[string]Credential, error) {
	return registry.ParseConfig(header)
}

// NewCredential is a user name with a password (or a personal access token).
func NewCredential(username, password string) Credential {
	return registry.NewCredential(username, password)
}
