package runtime

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// The kinds of an Orphan.
const (
	OrphanSupervisor = "supervisor"
	OrphanRunDir     = "run directory"
	OrphanState      = "runtime state"
	OrphanGroup      = "control group"
)

// Orphans lists what this node left behind and no known container owns. It is
// to be asked when nothing is being prepared.
func (r *Runtime) Orphans(_ context.Context, known func(id string) bool) ([]Orphan, error) {
	var found []Orphan
	dirs, err := unknown(r.opts.RunDir, known)
	if err != nil {
		return nil, err
	}
	for _, id := range dirs {
		o := Orphan{ID: id, Kind: OrphanRunDir, Path: filepath.Join(r.opts.RunDir, id)}
		if lock, err := lockRunDir(o.Path); err == nil {
			lock.Close()
		} else if errors.Is(err, errSupervised) {
			o.Kind = OrphanSupervisor
		}
		found = append(found, o)
	}
	states, err := unknown(r.runtimeDir(), known)
	if err != nil {
		return nil, err
	}
	for _, id := range states {
		found = append(found, Orphan{ID: id, Kind: OrphanState, Path: filepath.Join(r.runtimeDir(), id)})
	}
	groups, err := r.cgroups.List()
	if err != nil {
		return nil, err
	}
	for _, id := range groups {
		if validID.MatchString(id) && !known(id) {
			found = append(found, Orphan{ID: id, Kind: OrphanGroup, Path: r.cgroups.Path(id)})
		}
	}
	return found, nil
}

// unknown lists the containers' directories in dir that nobody knows.
func unknown(dir string, known func(id string) bool) (ids []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if e.IsDir() && validID.MatchString(e.Name()) && !known(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	return ids, err
}

// RemoveOrphan takes away everything that is left of the orphan's container,
// killing its processes first. That may be more than the one thing that was
// listed.
func (r *Runtime) RemoveOrphan(ctx context.Context, o Orphan) error {
	runDir := filepath.Join(r.opts.RunDir, o.ID)
	home, err := os.MkdirTemp(r.opts.RunDir, "orphan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home) // where its end is recorded, which nobody asks for
	c, _, err := r.Adopt(ctx, o.ID, runDir, home)
	if err != nil {
		return err
	}
	return c.Delete(ctx)
}
