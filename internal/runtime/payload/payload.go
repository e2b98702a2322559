package payload

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

//go:embed all:bin
var files embed.FS

// The programs.
const (
	Runc       = "bailey-runc"
	Supervisor = "bailey-supervisor"
	Init       = "bailey-init"
	Probe      = "bailey-probe"
	Resolver   = "bailey-resolver"
)

// ErrMissing means that this binary was compiled without the program.
var ErrMissing = errors.New("built without runtime: run make build")

// Read returns a shipped program.
func Read(name string) ([]byte, error) {
	content, err := files.ReadFile("bin/" + name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, ErrMissing)
	}
	return content, nil
}

// Unpack puts a shipped program into a directory below dir that is named after
// its digest, unless it is there already, and verifies it. The directories are
// searchable by everyone: a container executes the init as an ordinary user.
func Unpack(dir, name string) (*Program, error) {
	f, err := files.Open("bin/" + name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, ErrMissing)
	}
	defer f.Close()
	return unpack(dir, name, f.(io.ReadSeeker))
}

func unpack(dir, name string, content io.ReadSeeker) (*Program, error) {
	var digest [sha256.Size]byte
	h := sha256.New()
	if _, err := io.Copy(h, content); err != nil {
		return nil, err
	}
	h.Sum(digest[:0])
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
func write(home, path string, content io.ReadSeeker) error {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f, err := os.CreateTemp(home, ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = io.Copy(f, content)
	err = errors.Join(err, f.Chmod(0o755), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Prune removes what other versions have left below dir, except the homes of
// the programs that are kept. It must not be called while a supervisor of
// another version lives, which executes what it was told to.
func Prune(dir string, keep ...*Program) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		home := filepath.Join(dir, e.Name())
		if !slices.ContainsFunc(keep, func(p *Program) bool { return filepath.Dir(p.Path) == home }) {
			errs = append(errs, os.RemoveAll(home))
		}
	}
	return errors.Join(errs...)
}
