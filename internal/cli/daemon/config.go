package daemon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Where the machine's own node lives when no --dir is given.
const (
	DefaultDir    = "/var/lib/bailey"
	DefaultSocket = "/run/bailey/bailey.sock"

	defaultRunDir = "/run/bailey/run"
	defaultEtc    = "/etc/bailey"
)

// DefaultGroup may use the API beside root when the configuration names no
// other group and the group exists.
const DefaultGroup = "bailey"

// Config is what a node is started with. All paths are absolute.
type Config struct {
	// Dir keeps what outlives a reboot, RunDir what need not.
	Dir, RunDir string
	// Node names the node on its machine: 8 hexadecimal digits made from Dir.
	Node string
	// Socket is where the node's API is served.
	Socket string
	// Settings are what the configuration file says.
	Settings Settings
	// PolicyFile allows relaxations of the posture. Refusals name it. It may
	// be missing, and then allows none, unless it was named (PolicyNamed).
	PolicyFile  string
	PolicyNamed bool
}

// Settings are the keys of the configuration file. The zero value of each
// means its default.
type Settings struct {
	// Runtime is an OCI runtime to execute instead of the one that Bailey carries.
	Runtime string `toml:"runtime"`
	// Policy is the policy file.
	Policy string `toml:"policy"`
	// SocketGroup may use the API beside root.
	SocketGroup string `toml:"socket-group"`
	// AlsoListen are unix sockets to serve beside the node's own.
	AlsoListen []string `toml:"also-listen"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `toml:"log-level"`
	// LogFormat is text or json.
	LogFormat string `toml:"log-format"`
	// RegistryCertificates is a directory like Docker's certs.d.
	RegistryCertificates string `toml:"registry-certificates"`
}

// Flags are what the command line says of a node; empty means the default.
type Flags struct {
	Dir, ConfigFile, PolicyFile string
}

// Load makes the configuration that the flags ask for. Files that are named,
// by a flag or by another file, must exist; the default ones need not. A file
// that another user could write is refused.
func Load(f Flags) (Config, error) {
	c := Config{Dir: DefaultDir, RunDir: defaultRunDir, Socket: DefaultSocket}
	etc := defaultEtc
	if f.Dir != "" {
		dir, err := filepath.Abs(f.Dir)
		if err != nil {
			return Config{}, fmt.Errorf("--dir %s: %w", f.Dir, err)
		}
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real // one directory is one node, whatever it is called
		}
		if dir != DefaultDir {
			c.Dir, c.RunDir, c.Socket, etc = dir, filepath.Join(dir, "run"), filepath.Join(dir, "bailey.sock"), dir
		}
	}
	if strings.ContainsAny(c.Dir, ":,\\\n") || c.Dir == "/" {
		return Config{}, fmt.Errorf("--dir %q: a node's directory cannot be / and cannot contain a colon, a comma, a backslash or a line feed, which mount options cannot carry; choose another one", c.Dir)
	}
	sum := sha256.Sum256([]byte(c.Dir))
	c.Node = hex.EncodeToString(sum[:4])
	var err error
	if c.Settings, err = loadSettings(f.ConfigFile, filepath.Join(etc, "config.toml")); err != nil {
		return Config{}, err
	}
	c.PolicyFile = filepath.Join(etc, "policy.toml")
	for _, named := range []string{c.Settings.Policy, f.PolicyFile} { // the flag wins
		if named == "" {
			continue
		}
		if c.PolicyFile, err = filepath.Abs(named); err != nil {
			return Config{}, fmt.Errorf("policy: %w", err)
		}
		c.PolicyNamed = true
	}
	return c, nil
}

// Existing is the configuration of a node that was run before.
func Existing(dir string) (Config, error) {
	c, err := Load(Flags{Dir: dir})
	if err != nil {
		return Config{}, err
	}
	return c, isNode(c.Dir)
}

// Path is the place of one of the node's parts in its directory.
func (c Config) Path(part string) string { return filepath.Join(c.Dir, part) }

// loadSettings reads the named file, or else the default one when there is one.
func loadSettings(named, standard string) (Settings, error) {
	path := named
	if path == "" {
		path = standard
	}
	data, err := readTrusted(path)
	if errors.Is(err, fs.ErrNotExist) && named == "" {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, fmt.Errorf("configuration: %w", err)
	}
	s, err := ParseSettings(data)
	if err != nil {
		return Settings{}, fmt.Errorf("configuration %s: %w", path, err)
	}
	return s, nil
}

// ParseSettings decodes a configuration file (TOML 1.0). Keys that it does
// not know are errors, so that a typing error cannot switch something off.
func ParseSettings(data []byte) (Settings, error) {
	var s Settings
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&s)
	var missing *toml.StrictMissingError
	var decode *toml.DecodeError
	switch {
	case errors.As(err, &missing):
		return Settings{}, fmt.Errorf("a key that is not known; `bailey up --help` lists those that are:\n%s", missing.String())
	case errors.As(err, &decode):
		return Settings{}, fmt.Errorf("not valid:\n%s", decode.String())
	case err != nil:
		return Settings{}, err
	}
	// The decoder takes Runtime for runtime, and then the last of both wins.
	var keys map[string]any
	if err := toml.Unmarshal(data, &keys); err != nil {
		return Settings{}, err
	}
	for key := range keys {
		if key != strings.ToLower(key) {
			return Settings{}, fmt.Errorf("the key %q is not known; keys are written in lower case", key)
		}
	}
	return s, s.check()
}

// check refuses values that could only fail later.
func (s Settings) check() error {
	if s.SocketGroup != "" && strings.ContainsFunc(s.SocketGroup, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == ':' || r == ',' }) {
		return fmt.Errorf("socket-group = %q is not a group's name", s.SocketGroup)
	}
	for key, path := range map[string]string{"runtime": s.Runtime, "policy": s.Policy, "registry-certificates": s.RegistryCertificates} {
		if path != "" && !filepath.IsAbs(path) {
			return fmt.Errorf("%s = %q must be an absolute path", key, path)
		}
	}
	if _, err := s.Level(); err != nil {
		return err
	}
	if s.LogFormat != "" && s.LogFormat != "text" && s.LogFormat != "json" {
		return fmt.Errorf("log-format = %q: say text or json", s.LogFormat)
	}
	for _, address := range s.AlsoListen {
		if _, err := socketPath(address); err != nil {
			return fmt.Errorf("also-listen: %w", err)
		}
	}
	return nil
}

// Level is the least important message that is logged.
func (s Settings) Level() (slog.Level, error) {
	switch s.LogLevel {
	case "debug":
		return slog.LevelDebug, nil
	case "", "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("log-level = %q: say debug, info, warn or error", s.LogLevel)
}

// socketPath returns the path of a unix socket's address, and explains why
// there is no other kind.
func socketPath(address string) (string, error) {
	scheme, path, found := strings.Cut(address, "://")
	if !found {
		scheme, path = "unix", address
	}
	switch {
	case scheme == "tcp" || scheme == "http" || scheme == "https" || !found && !strings.HasPrefix(address, "/"):
		return "", fmt.Errorf("%q: whoever reaches the API is root on this machine, so it is not served over TCP before it can be had with client certificates only; listen on a unix socket, and from another machine use: bailey -H ssh://USER@HOST", address)
	case scheme != "unix":
		return "", fmt.Errorf("%q: only unix sockets are served; write unix:///PATH", address)
	case !filepath.IsAbs(path) || strings.ContainsRune(path, 0):
		return "", fmt.Errorf("%q: the socket's path must be absolute", address)
	}
	return filepath.Clean(path), nil
}
