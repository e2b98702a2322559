package registry

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/containerd/errdefs"
)

// maxAuthHeader bounds the X-Registry-Auth header, in bytes. Identity tokens are a few KiB.
const maxAuthHeader = 64 << 10

// Credential is who speaks to a registry. Its fields cannot be reached from outside and it prints as "[hidden]", so that it
// does not end in a log by accident. The zero value is anonymous.
type Credential struct {
	username, password, identityToken, registryToken string
}

// NewCredential is a user name with a password or a personal access token.
func NewCredential(username, password string) Credential {
	return Credential{username: username, password: password}
}

// ParseAuth reads Docker's X-Registry-Auth header: base64 with the URL alphabet, padded or not, of a JSON object with
// username, password, auth, email, serveraddress, identitytoken and registrytoken. Empty means anonymous.
func ParseAuth(header string) (Credential, error) {
	if header == "" {
		return Credential{}, nil
	}
	if len(header) > maxAuthHeader {
		return Credential{}, fmt.Errorf("X-Registry-Auth has %d bytes, at most %d are read: %w", len(header), maxAuthHeader, errdefs.ErrInvalidArgument)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(header, "="))
	if err != nil {
		// The decoder's own message would repeat a byte of the secret.
		return Credential{}, fmt.Errorf("X-Registry-Auth is not base64 in the URL alphabet: %w", errdefs.ErrInvalidArgument)
	}
	var a struct {
		Username, Password, Auth, IdentityToken, RegistryToken string
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return Credential{}, fmt.Errorf("X-Registry-Auth is not a JSON AuthConfig: %w", errdefs.ErrInvalidArgument)
	}
	c := Credential{username: a.Username, password: a.Password, identityToken: a.IdentityToken, registryToken: a.RegistryToken}
	if a.Auth != "" && c.username == "" {
		if err := c.setBasic(a.Auth); err != nil {
			return Credential{}, err
		}
	}
	return c, nil
}

// setBasic reads the "auth" field of an AuthConfig: base64 of "user:password".
func (c *Credential) setBasic(auth string) error {
	pair, err := base64.StdEncoding.DecodeString(auth)
	if err != nil {
		return fmt.Errorf("the auth field of X-Registry-Auth is not base64: %w", errdefs.ErrInvalidArgument)
	}
	user, password, ok := strings.Cut(string(pair), ":")
	if !ok {
		return fmt.Errorf("the auth field of X-Registry-Auth is not user:password: %w", errdefs.ErrInvalidArgument)
	}
	c.username, c.password = user, strings.TrimRight(password, "\x00")
	return nil
}

// Anonymous reports whether there is nothing to show to a registry.
func (c Credential) Anonymous() bool {
	return c.username == "" && c.password == "" && c.identityToken == "" && c.registryToken == ""
}

// Format hides everything from package fmt, whatever the verb: with %d, String would not be asked.
func (c Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[hidden]") }

// LogValue hides everything from slog.
func (c Credential) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// MarshalJSON hides everything from encoders.
func (c Credential) MarshalJSON() ([]byte, error) { return []byte(`"[hidden]"`), nil }
