package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/bailey-run/bailey/internal/durable"
	"github.com/containerd/errdefs"
)

// MaxSize is the most bytes that a secret may have, as in Docker.
const MaxSize = 500 << 10

const (
	keyFile = "node.key"
	suffix  = ".age"
)

// nameRule keeps names usable as file names, in the store and in containers.
var nameRule = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$`)
})

// Store is the secrets of one node.
type Store struct {
	dir string
	key *age.X25519Identity
}

// Info describes a secret without revealing it.
type Info struct {
	Name    string
	Created time.Time
}

// Open opens the store in dir, and makes it with a key of its own when there
// is none.
func Open(dir string) (*Store, error) {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	path := filepath.Join(dir, keyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(dir, path)
	}
	if err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	key, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		// The text of the error could quote the key.
		return nil, fmt.Errorf("secrets: %s is not an age key: restore it from a backup, or remove %s with all secrets in it", path, dir)
	}
	return &Store{dir: dir, key: key}, nil
}

func create(dir, path string) (*Store, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("secrets: make a key: %w", err)
	}
	if err := durable.Write(path, []byte(key.String()+"\n")); err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	return &Store{dir: dir, key: key}, nil
}

// Put stores a secret. A name that exists is not overwritten: a container
// that was promised a secret gets that one.
func (s *Store) Put(name string, v Value) error {
	if err := checkName(name); err != nil {
		return err
	}
	if n := len(v.Reveal()); n == 0 || n > MaxSize {
		return fmt.Errorf("secret %s has %d bytes: give 1 to %d: %w", name, n, MaxSize, errdefs.ErrInvalidArgument)
	}
	if _, err := os.Lstat(s.path(name)); err == nil {
		return fmt.Errorf("secret %s exists: remove it first with `bailey secret rm %s`, or choose another name: %w", name, name, errdefs.ErrConflict)
	}
	sealed, err := s.Seal(v)
	if err != nil {
		return fmt.Errorf("secret %s: %w", name, err)
	}
	if err := durable.Write(s.path(name), sealed); err != nil {
		return fmt.Errorf("secret %s: %w", name, err)
	}
	return nil
}

// Check says whether the secret exists, without revealing it.
func (s *Store) Check(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if _, err := os.Lstat(s.path(name)); err != nil {
		return fmt.Errorf("no secret %s on this node: make it with `bailey secret create %s FILE`: %w", name, name, errdefs.ErrNotFound)
	}
	return nil
}

// Get returns a secret.
func (s *Store) Get(name string) (Value, error) {
	if err := s.Check(name); err != nil {
		return Value{}, err
	}
	f, err := os.Open(s.path(name))
	if err != nil {
		return Value{}, fmt.Errorf("secret %s: %w", name, err)
	}
	defer f.Close()
	v, err := s.Unseal(f, MaxSize)
	if err != nil {
		return Value{}, fmt.Errorf("secret %s: %w", name, err)
	}
	return v, nil
}

// Seal encrypts what only this node is to read.
func (s *Store) Seal(v Value) ([]byte, error) {
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, s.key.Recipient())
	if err == nil {
		_, err = w.Write(v.Reveal())
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return sealed.Bytes(), nil
}

// Unseal decrypts what Seal made, which had at most limit bytes.
func (s *Store) Unseal(sealed io.Reader, limit int64) (Value, error) {
	r, err := age.Decrypt(sealed, s.key)
	if err != nil {
		return Value{}, fmt.Errorf("it was not encrypted to this node's key, or is damaged: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	if err != nil {
		return Value{}, fmt.Errorf("decrypt: %w", err)
	}
	return NewValue(data), nil
}

// List names the secrets, sorted.
func (s *Store) List() ([]Info, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	out := []Info{}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok || !nameRule().MatchString(name) {
			continue
		}
		if info, err := e.Info(); err == nil {
			out = append(out, Info{Name: name, Created: info.ModTime()})
		}
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Remove deletes a secret. Containers that run keep what they were given.
func (s *Store) Remove(name string) error {
	if err := s.Check(name); err != nil {
		return err
	}
	if err := durable.Remove(s.path(name)); err != nil {
		return fmt.Errorf("secret %s: %w", name, err)
	}
	return nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name+suffix) }

func checkName(name string) error {
	if nameRule().MatchString(name) {
		return nil
	}
	return fmt.Errorf("secret name %q: use letters, digits, '_', '.' and '-', beginning with a letter or digit, at most 64: %w", name, errdefs.ErrInvalidArgument)
}
