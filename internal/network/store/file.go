package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/bailey-run/bailey/internal/durable"
	"golang.org/x/sys/unix"
)

// Version is the version of the file's layout that this package writes.
const Version = 1

const (
	name     = "networks.json"
	maxBytes = 16 << 20
)

// File is the content of networks.json.
type File struct {
	Version int
	// Created is when the node first had a network.
	Created time.Time
	// Tag is the four hexadecimal digits in the names of all of the node's interfaces.
	Tag string
	// Segment is the subnet of the default segment.
	Segment netip.Prefix
	// Networks are the user-defined networks.
	Networks []Network
}

// Network is one user-defined network.
type Network struct {
	ID, Name string
	Created  time.Time
	Subnet   netip.Prefix
	// Range is where addresses are handed out; invalid means the whole subnet.
	Range   netip.Prefix `json:",omitzero"`
	Gateway netip.Addr
	// Reserved are addresses that no container gets, by a name that only people read.
	Reserved map[string]netip.Addr `json:",omitempty"`
	// Bridge is the name of its interface on the host.
	Bridge string
	// MTU of its links in bytes.
	MTU int
	// Internal networks have no way out; the containers on an isolated one do not reach each other.
	Internal, Isolated, Attachable bool
	// Options and Labels are kept as they were given.
	Options, Labels map[string]string `json:",omitempty"`
}

// CorruptError says that networks.json cannot be read, and what to do.
type CorruptError struct {
	Path string
	Err  error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s cannot be read (%v): put a copy back, or move it away to start without user-defined networks", e.Path, e.Err)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// Load reads the file in dir; without one it returns an empty File.
func Load(dir string) (File, error) {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return File{Version: Version}, nil
	}
	if err != nil {
		return File{}, fmt.Errorf("read the stored networks: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes))
	if err != nil {
		return File{}, fmt.Errorf("read the stored networks: %w", err)
	}
	var out File
	if err := json.Unmarshal(b, &out); err != nil {
		return File{}, &CorruptError{Path: path, Err: err}
	}
	if out.Version != Version {
		return File{}, &CorruptError{Path: path, Err: fmt.Errorf("its version is %d, this Bailey knows %d", out.Version, Version)}
	}
	return out, nil
}

// Save replaces the file in dir.
func Save(dir string, f File) error {
	f.Version = Version
	b, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		return fmt.Errorf("store the networks: %w", err)
	}
	if err := durable.Write(filepath.Join(dir, name), append(b, '\n')); err != nil {
		return fmt.Errorf("store the networks: %w", err)
	}
	return nil
}
