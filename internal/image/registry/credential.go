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
	var a authConfig
	if err := decodeHeader("X-Registry-Auth", header, &a); err != nil {
		return Credential{}, err
	}
	return a.credential()
}

// ParseConfig reads Docker's X-Registry-Config header: like X-Registry-Auth, of an object with an AuthConfig for each
// registry.
func ParseConfig(header string) (map[string]Credential, error) {
	out := map[string]Credential{}
	if header == "" {
		return out, nil
	}
	var all map[string]authConfig
	if err := decodeHeader("X-Registry-Config", header, &all); err != nil {
		return nil, err
	}
	for registry, a := range all {
		c, err := a.credential()
		if err != nil {
			return nil, err
		}
		out[registry] = c
	}
	return out, nil
}

// authConfig is Docker's AuthConfig as far as it says who asks.
type authConfig struct {
	Username, Password, Auth, IdentityToken, RegistryToken string
}

// decodeHeader reads base64 of JSON.
func decodeHeader(name, header string, into any) error {
	if len(header) > maxAuthHeader {
		return fmt.Errorf("%s has %d bytes, at most %d are read: %w", name, len(header), maxAuthHeader, errdefs.ErrInvalidArgument)
	}
	header = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(header, "="))
	raw, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		// The decoder's own message would repeat a byte of the secret.
		return fmt.Errorf("%s is not base64 in the URL alphabet: %w", name, errdefs.ErrInvalidArgument)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s is not a JSON AuthConfig: %w", name, errdefs.ErrInvalidArgument)
	}
	return nil
}

// credential takes an AuthConfig apart.
func (a authConfig) credential() (Credential, error) {
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

// Reveal is for those who speak to a registry by other code than this package's. An identity token comes without a name.
// A token for the registry itself cannot be handed on like this.
func (c Credential) Reveal() (username, secret string) {
	if c.identityToken != "" {
		return "", c.identityToken
	}
	return c.username, c.password
}

// Format hides everything from package fmt, whatever the verb: with %d, String would not be asked.
func (c Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[hidden]") }

// LogValue hides everything from slog.
func (c Credential) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// MarshalJSON hides everything from encoders.
func (c Credential) MarshalJSON() ([]byte, error) { return []byte(`"[hidden]"`), nil }
