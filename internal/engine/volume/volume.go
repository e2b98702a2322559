package volume

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/durable"
	"github.com/bailey-run/bailey/internal/engine/space"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime/quota"
	"github.com/containerd/errdefs"
)

// nameRule is Docker's: two to 255 letters, digits, '_', '.' and '-', not
// starting with punctuation. It can not form a path.
var nameRule = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$`)
})

// Recorder is where volumes are recorded.
type Recorder interface {
	Volumes() ([]store.Volume, error)
	SaveVolume(*store.Volume) error
	DeleteVolume(name string) error
	// Damaged names the records that Volumes could not read.
	Damaged() []store.Damage
}

// Manager owns the volumes of a node. It is safe for concurrent use.
type Manager struct {
	dir  string
	disk *quota.FileSystem
	rec  Recorder
	now  func() time.Time

	mu  sync.Mutex
	all map[string]store.Volume
	// damaged are those whose records cannot be read; their files are kept.
	damaged map[string]bool
}

// Open loads the volumes that are recorded and lie below dir, which is on disk.
func Open(dir string, disk *quota.FileSystem, rec Recorder) (*Manager, error) {
	if err := durable.Private(dir); err != nil {
		return nil, fmt.Errorf("volumes: %w", err)
	}
	vols, err := rec.Volumes()
	if err != nil {
		return nil, fmt.Errorf("volumes: %w", err)
	}
	m := &Manager{dir: dir, disk: disk, rec: rec, now: time.Now, all: make(map[string]store.Volume), damaged: make(map[string]bool)}
	for _, v := range vols {
		m.all[v.Name] = v
	}
	for _, d := range rec.Damaged() {
		if d.Bucket == store.VolumeBucket {
			m.damaged[d.Key] = true
		}
	}
	return m, nil
}

// Request asks for a volume. An empty name asks for an anonymous one.
type Request struct {
	Name      string
	Driver    string
	Options   map[string]string
	Labels    map[string]string
	Anonymous bool // Name comes from NewName
	// Cap is how much it may hold; less than 0 of both is no limit.
	Cap quota.Cap
}

// Create makes the volume, or returns the one of that name that exists. The
// options were read by the caller.
func (m *Manager) Create(r Request) (store.Volume, bool, error) {
	if err := r.check(); err != nil {
		return store.Volume{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.all[r.Name]; ok {
		return v, false, nil
	}
	v := store.Volume{Name: r.Name, Anonymous: r.Anonymous, Created: m.now().UTC(), Labels: maps.Clone(r.Labels), Options: maps.Clone(r.Options), Bytes: r.Cap.Bytes, Inodes: r.Cap.Inodes}
	if r.Name == "" {
		v.Name, v.Anonymous = NewName(), true
	}
	if err := durable.MkdirAll(m.Path(v.Name), 0o755); err != nil {
		return store.Volume{}, false, fmt.Errorf("volume %s: %w", v.Name, err)
	}
	if m.disk.Hard {
		if err := m.disk.Limit(r.Cap, m.Path(v.Name)); err != nil {
			return store.Volume{}, false, errors.Join(fmt.Errorf("volume %s: %w", v.Name, err), space.Remove(m.top(v.Name)))
		}
	}
	if err := m.rec.SaveVolume(&v); err != nil {
		return store.Volume{}, false, errors.Join(fmt.Errorf("volume %s: %w", v.Name, err), space.Remove(m.top(v.Name)))
	}
	m.all[v.Name] = v
	return v, true, nil
}

func (r Request) check() error {
	switch {
	case r.Name != "" && !nameRule().MatchString(r.Name):
		return fmt.Errorf("volume name %q: use letters, digits, '_', '.' and '-', beginning with a letter or digit, at most 255: %w", r.Name, errdefs.ErrInvalidArgument)
	case r.Driver != "" && r.Driver != "local":
		return fmt.Errorf("error looking up volume plugin: plugin %q not found: this node has only \"local\", which keeps volumes on its own disk: %w", r.Driver, errdefs.ErrNotFound)
	}
	return nil
}

// Resize gives a volume another cap.
func (m *Manager) Resize(name string, c quota.Cap, options map[string]string) (store.Volume, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.all[name]
	if !ok {
		return v, fmt.Errorf("no such volume: %s: %w", name, errdefs.ErrNotFound)
	}
	v.Bytes, v.Inodes, v.Options = c.Bytes, c.Inodes, maps.Clone(options)
	if _, capped, err := m.disk.Capped(m.Path(name)); err != nil || capped {
		if err = errors.Join(err, m.disk.Limit(c, m.Path(name))); err != nil {
			return v, fmt.Errorf("volume %s: %w", name, err)
		}
	}
	if err := m.rec.SaveVolume(&v); err != nil {
		return v, fmt.Errorf("volume %s: %w", name, err)
	}
	m.all[name] = v
	return v, nil
}

// Get returns the volume of that name.
func (m *Manager) Get(name string) (store.Volume, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.all[name]
	if !ok {
		return v, fmt.Errorf("no such volume: %s: see `bailey volume ls`: %w", name, errdefs.ErrNotFound)
	}
	return v, nil
}

// List returns all volumes by name.
func (m *Manager) List() []store.Volume {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]store.Volume, 0, len(m.all))
	for _, name := range slices.Sorted(maps.Keys(m.all)) {
		out = append(out, m.all[name])
	}
	return out
}

// Remove deletes a volume and its data. The caller has made sure that no
// container uses it. The record goes first: a crash in between leaves files
// that nothing names, which Sweep removes, and never a name without files.
func (m *Manager) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.all[name]; !ok {
		return fmt.Errorf("no such volume: %s: %w", name, errdefs.ErrNotFound)
	}
	if err := m.rec.DeleteVolume(name); err != nil {
		return fmt.Errorf("volume %s: %w", name, err)
	}
	delete(m.all, name)
	if err := errors.Join(m.disk.Release(m.Path(name)), space.Remove(m.top(name))); err != nil {
		return fmt.Errorf("volume %s is forgotten, but its files remain: %w", name, err)
	}
	return nil
}

// Sweep removes directories that no record names and reports them. What a
// record names that cannot be read stays.
func (m *Manager) Sweep() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, fmt.Errorf("volumes: %w", err)
	}
	var gone []string
	for _, e := range entries {
		if _, known := m.all[e.Name()]; known || m.damaged[e.Name()] {
			continue
		}
		if err := errors.Join(m.disk.Release(m.Path(e.Name())), space.Remove(m.top(e.Name()))); err != nil {
			return gone, fmt.Errorf("volumes: %w", err)
		}
		gone = append(gone, e.Name())
	}
	return gone, nil
}

// Path is the directory of the host that holds a volume's files.
func (m *Manager) Path(name string) string { return filepath.Join(m.top(name), "_data") }

// Size returns the bytes that the volume's files occupy on disk.
func (m *Manager) Size(ctx context.Context, name string) (int64, error) {
	if use, capped, err := m.disk.Capped(m.Path(name)); err == nil && capped {
		return use.Bytes, nil
	}
	use, err := space.Walk(ctx, m.Path(name), quota.Cap{})
	return use.Bytes, err
}

func (m *Manager) top(name string) string { return filepath.Join(m.dir, name) }

// NewName is a name for an anonymous volume.
func NewName() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}
