package payload

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

//go:embed all:bin
var files embed.FS

// The programs.
const (
	Runc       = "bailey-runc"
	Supervisor = "bailey-supervisor"
	Init       = "bailey-init"
)

// ErrMissing means that this binary was compiled without the program.
var ErrMissing = errors.New("built without runtime: run make build")

// Unpack puts a shipped program into a directory below dir that is named after
// its digest, unless it is there already, and verifies it. The directories are
// searchable by everyone: a container executes the init as an ordinary user.
func Unpack(dir, name string) (*Program, error) {
	content, err := files.ReadFile("bin/" + name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, ErrMissing)
	}
	return unpack(dir, name, content)
}

func unpack(dir, name string, content []byte) (*Program, error) {
	digest := sha256.Sum256(content)
	home := filepath.Join(dir, hex.EncodeToString(digest[:]))
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(home, name)
	if p, err := Open(path); err == nil && p.sum == digest {
		return p, nil
	}
	if err := write(home, path, content); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", path, err)
	}
	p, err := Open(path)
	if err == nil && p.sum != digest {
		err = &ChangedError{Path: path}
	}
	return p, err
}

// write makes the file whole or not at all, also across a crash: the digest in
// its path is a promise.
func write(home, path string, content []byte) error {
	f, err := os.CreateTemp(home, ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = io.Copy(f, bytes.NewReader(content))
	err = errors.Join(err, f.Chmod(0o755), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
