package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/container"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The bounds on what is remembered of execs.
const (
	// execKept is how long the result of an exec can be asked for after its end.
	execKept = 5 * time.Minute
	// maxExecRecords is how many execs of one container are remembered; those
	// that have ended are forgotten first.
	maxExecRecords = 1024
	// maxExecRecord bounds the file of one, in bytes.
	maxExecRecord = 16 << 20
)

// execRecord is an exec as it lies in its container's directory from its
// creation on, so that the next daemon knows it. What becomes of its process
// after the start is the supervisor's to know; the record says it when a
// daemon has heard of it.
type execRecord struct {
	ID      string
	Request container.ExecCreateRequest
	Process *specs.Process
	Created time.Time
	// Begun is written before the supervisor is asked to start it.
	Begun bool
	Code  *int      `json:",omitempty"`
	Ended time.Time `json:",omitzero"`
}

func (e *Engine) execDir(container string) string {
	return filepath.Join(e.containerDir(container), "execs")
}

func (e *Engine) execPath(x *execution) string {
	return filepath.Join(e.execDir(x.container), x.rec.ID+".json")
}

// saveExec writes the record of an exec; its mu is held, or nobody else knows
// it. It needs no fsync: it must survive this process, and what it is about
// does not survive this boot. Nothing is written about a container that is
// gone, whose directory is being removed, and nothing on a full disk.
func (e *Engine) saveExec(x *execution) error {
	data, err := json.Marshal(&x.rec)
	if err != nil {
		return fmt.Errorf("record exec %.12s: %w", x.rec.ID, err)
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if _, ok := e.containers[x.container]; !ok {
		return &NotFoundError{Kind: "container", Ref: x.container}
	}
	path := e.execPath(x)
	err = os.WriteFile(path+".new", data, 0o600)
	if errors.Is(err, fs.ErrNotExist) { // the container's first
		if err = os.Mkdir(filepath.Dir(path), 0o700); err == nil || errors.Is(err, fs.ErrExist) {
			err = os.WriteFile(path+".new", data, 0o600)
		}
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		// An exec is how people make room: it goes on without a record, and is forgotten if this process dies.
		_ = os.Remove(path + ".new")
		e.log.Warn("the disk is full: an exec is not recorded", "container", x.container, "exec", x.rec.ID, "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("record exec %.12s: %w", x.rec.ID, err)
	}
	return nil
}

// loadExecs reads the execs of a container, the oldest first, and clears away
// what cannot be one.
func (e *Engine) loadExecs(id string) []execRecord {
	dir := e.execDir(id)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // it never had one
	}
	var out []execRecord
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		var rec execRecord
		data, err := readBounded(path, maxExecRecord)
		if err == nil {
			err = json.Unmarshal(data, &rec)
		}
		if err != nil || rec.ID+".json" != entry.Name() || len(rec.Request.Cmd) == 0 || rec.Process == nil {
			if !strings.HasSuffix(entry.Name(), ".new") { // of a record that was never acknowledged
				e.log.Warn("the record of an exec cannot be read and is dropped", "container", id, "file", path, "error", err)
			}
			_ = os.Remove(path)
			continue
		}
		out = append(out, rec)
	}
	slices.SortFunc(out, func(a, b execRecord) int { return a.Created.Compare(b.Created) })
	return out
}

func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, limit)
	}
	return os.ReadFile(path)
}

// forgetExec drops an exec and its record.
func (e *Engine) forgetExec(x *execution) {
	e.mu.Lock()
	delete(e.execs, x.rec.ID)
	e.mu.Unlock()
	if err := os.Remove(e.execPath(x)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.log.Warn("the record of an exec stays", "container", x.container, "error", err)
	}
}

// boundExecs makes room for another exec of a container: the oldest that has
// ended goes, or the oldest that was never started.
func (e *Engine) boundExecs(id string) {
	var mine []*execution
	e.mu.RLock()
	for _, x := range e.execs {
		if x.container == id {
			mine = append(mine, x)
		}
	}
	e.mu.RUnlock()
	if len(mine) < maxExecRecords {
		return
	}
	slices.SortFunc(mine, func(a, b *execution) int { return a.rec.Created.Compare(b.rec.Created) })
	for _, droppable := range []func(*execution) bool{(*execution).hasEnded, (*execution).isIdle} {
		if i := slices.IndexFunc(mine, droppable); i >= 0 {
			e.forgetExec(mine[i])
			return
		}
	}
}
