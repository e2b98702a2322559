package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/engine/files"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"
)

// root is a container's root directory, as the node can reach it now.
type root struct {
	dir     *os.File
	mapping files.Mapping
	// readOnly is set for a container that does not run: only its volumes and tmpfs could be written, and they are not mounted.
	// In one that runs the kernel decides.
	readOnly bool
	release  func()
}

func (r *root) close() {
	_ = r.dir.Close()
	r.release()
}

// openRoot opens the root of a container: through its process while it runs,
// so that its mounts are seen, else as a view that is kept from being started
// meanwhile.
func (e *Engine) openRoot(ctx context.Context, ref string) (*root, *cont, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, nil, err
	}
	if err := c.lock(ctx); err != nil {
		return nil, nil, err
	}
	rec := c.record()
	if r, err := c.running(); err == nil {
		dir, err := openProcessRoot(r)
		if err == nil {
			c.unlock()
			return &root{dir: dir, mapping: files.Mapping{Base: r.bind.IDBase}, release: func() {}}, c, nil
		}
		// It is ending at this moment; afterwards it can be looked at as one
		// that does not run.
		if err := r.awaitOver(ctx, err); err != nil {
			c.unlock()
			return nil, nil, fmt.Errorf("root of container %s: %w", rec.Name, err)
		}
	}
	dir, err := e.openView(ctx, &rec)
	if err != nil {
		c.unlock()
		return nil, nil, err
	}
	return &root{dir: dir, release: c.unlock, readOnly: !rec.Posture.Root.Writable}, c, nil
}

// endPatience is how long the end of a run that is under way may take.
const endPatience = 5 * time.Second

// awaitOver waits for the last trace of a run to go, or returns the cause for
// waiting when that does not happen.
func (r *run) awaitOver(ctx context.Context, cause error) error {
	select {
	case <-r.over:
		return nil
	case <-time.After(endPatience):
		return cause
	case <-ctx.Done():
		return ctx.Err()
	}
}

// openProcessRoot opens /proc/PID/root and makes sure that the process is
// still the one that was meant.
func openProcessRoot(r *run) (*os.File, error) {
	dir, err := os.OpenFile("/proc/"+strconv.Itoa(r.Pid())+"/root", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	// Looked at after the open: a number that was given to another process
	// before it shows here.
	ids, err := os.ReadFile("/proc/" + strconv.Itoa(r.Pid()) + "/uid_map")
	if f := strings.Fields(string(ids)); err != nil || len(f) != 3 || f[1] != strconv.FormatUint(uint64(r.bind.IDBase), 10) {
		return nil, errors.Join(errors.New("the container has just ended"), dir.Close())
	}
	return dir, nil
}

// StatPath describes a path of a container.
func (e *Engine) StatPath(ctx context.Context, ref, path string) (container.PathStat, error) {
	r, _, err := e.openRoot(ctx, ref)
	if err != nil {
		return container.PathStat{}, err
	}
	defer r.close()
	return statIn(r, ref, path)
}

func statIn(r *root, ref, path string) (container.PathStat, error) {
	s, err := files.Lstat(r.dir, path)
	if path = strings.TrimSuffix(path, "/"); path == "" {
		path = "/"
	}
	if errors.Is(err, unix.ENOTDIR) {
		return container.PathStat{}, fmt.Errorf("%s in container %s: not a directory: %w", path, ref, errdefs.ErrInvalidArgument)
	}
	if errors.Is(err, os.ErrNotExist) {
		//lint:ignore ST1005 Docker's clients look for these words
		return container.PathStat{}, fmt.Errorf("Could not find the file %s in container %s: %w", path, ref, errdefs.ErrNotFound)
	}
	if err != nil {
		return container.PathStat{}, fmt.Errorf("look at %s in container %s: %w", path, ref, err)
	}
	return container.PathStat(s), nil
}

// CopyFrom returns what lies at a path as a tar archive.
func (e *Engine) CopyFrom(ctx context.Context, ref, path string) (io.ReadCloser, container.PathStat, error) {
	r, c, err := e.openRoot(ctx, ref)
	if err != nil {
		return nil, container.PathStat{}, err
	}
	stat, err := statIn(r, ref, path)
	if err != nil {
		r.close()
		return nil, stat, err
	}
	e.emit(c, events.ActionArchivePath, nil)
	return stream(r, func(w io.Writer) error { return files.TarFrom(r.dir, path, r.mapping, w) }), stat, nil
}

// checkDirectory wants the place for an archive to be a directory. What a stopped container's volumes hold and what was sent
// to it before does not show in its root: there the place may be one that only comes with the start.
func (e *Engine) checkDirectory(ctx context.Context, ref, path string) error {
	r, c, err := e.openRoot(ctx, ref)
	if err != nil {
		return err
	}
	defer r.close()
	_, err = statIn(r, ref, strings.TrimSuffix(path, "/.")+"/")
	rec := c.record()
	if r.readOnly && errdefs.IsNotFound(err) && (len(rec.Posture.Files()) > 0 || volumeAt(rec.Mounts, filepath.Clean("/"+path)) != nil) {
		return nil
	}
	return err
}

// CopyTo lays an archive into a directory of a container.
func (e *Engine) CopyTo(ctx context.Context, ref, path string, archive io.Reader, o CopyOptions) error {
	if err := e.checkDirectory(ctx, ref, path); err != nil {
		return err
	}
	if sent, err := e.sendBefore(ctx, ref, path, archive, o); sent || err != nil {
		return err
	}
	r, c, err := e.openRoot(ctx, ref)
	if err != nil {
		return err
	}
	defer r.close()
	if r.readOnly {
		return fmt.Errorf("container %s has just ended, and its root file system is read-only: try again: %w", ref, errdefs.ErrConflict)
	}
	err = files.Untar(r.dir, path, r.mapping, archive, files.UntarOptions{NoOverwriteDirNonDir: o.NoOverwriteDirNonDir, KeepIDs: o.CopyUIDGID})
	switch {
	case errors.Is(err, os.ErrNotExist):
		//lint:ignore ST1005 Docker's clients look for these words
		return fmt.Errorf("Could not find the file %s in container %s: %w", path, ref, errdefs.ErrNotFound)
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%s in container %s is read-only: copy to a volume or tmpfs of it: %w", path, ref, errdefs.ErrPermissionDenied)
	case err != nil:
		return fmt.Errorf("copy to %s in container %s: %w", path, ref, err)
	}
	e.emit(c, events.ActionExtractToDir, nil)
	return nil
}

// Export returns a container's root file system as a tar archive.
func (e *Engine) Export(ctx context.Context, ref string) (io.ReadCloser, error) {
	r, c, err := e.openRoot(ctx, ref)
	if err != nil {
		return nil, err
	}
	e.emit(c, events.ActionExport, nil)
	return stream(r, func(w io.Writer) error { return files.Export(r.dir, r.mapping, w) }), nil
}

// Changes lists what a container's files differ in from its image.
func (e *Engine) Changes(ctx context.Context, ref string) ([]container.FilesystemChange, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, err
	}
	rec := c.record()
	img, err := e.opts.Images.Get(ctx, rec.ImageID)
	if err != nil {
		return nil, err
	}
	layers, err := e.opts.Images.Rootfs(ctx, img)
	if err != nil {
		return nil, err
	}
	changes, err := files.Changes(e.upperDir(rec.ID), layers.Lower)
	if err != nil {
		return nil, fmt.Errorf("changes of container %s: %w", rec.Name, err)
	}
	out := []container.FilesystemChange{}
	made := madeForMounts(&rec)
	for _, ch := range changes {
		if made[ch.Path] && ch.Kind == files.Added {
			continue
		}
		out = append(out, container.FilesystemChange{Path: ch.Path, Kind: container.ChangeType(ch.Kind)})
	}
	return out, nil
}

// madeForMounts are the paths that exist only to be mounted on, with those
// above them: the OCI runtime made them, not the container.
func madeForMounts(rec *store.Container) map[string]bool {
	out := make(map[string]bool)
	for _, m := range rec.Posture.MountPoints() {
		for p := m.Path; p != "/" && p != "."; p = filepath.Dir(p) {
			out[p] = true
		}
	}
	return out
}

// stream runs a writer of an archive behind a reader, and lets go of the root
// when the reader is closed or the archive is complete.
func stream(r *root, write func(io.Writer) error) io.ReadCloser {
	pr, pw := io.Pipe()
	go func() {
		defer r.close()
		pw.CloseWithError(write(pw))
	}()
	return pr
}
