package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bailey-run/bailey/internal/durable"
	"github.com/bailey-run/bailey/internal/engine/files"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/bailey-run/bailey/internal/secret"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
)

// checkFiles reads what the posture promises of the host's files, so that a create fails rather than a start.
func checkFiles(p sandbox.Posture) error {
	left := int64(sandbox.MaxFileBytes)
	for _, f := range p.Files() {
		data, _, err := readFor(f, left)
		switch {
		case errors.Is(err, os.ErrPermission):
			return fmt.Errorf("%w: %w", err, errdefs.ErrPermissionDenied)
		case err != nil:
			return fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
		}
		left -= int64(len(data))
	}
	return nil
}

// readFor reads a file of the host with the rights of who asked for it.
func readFor(f sandbox.File, limit int64) ([]byte, uint32, error) {
	data, mode, err := files.ReadAs(files.Reader{UID: f.Reader.UID, GID: f.Reader.GID, Groups: f.Reader.Groups}, f.Source, limit)
	if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("%s is delivered as a copy, read as uid %d, who may not read it: put what the container needs into a secret (bailey secret create): %w", f.Source, f.Reader.UID, err)
	}
	return data, uint32(mode), err
}

// files collects what the start delivers into memory.
func (e *Engine) files(rec *store.Container, idBase uint32) ([]runtime.Secret, error) {
	var out []runtime.Secret
	left := int64(sandbox.MaxFileBytes)
	for _, f := range rec.Posture.Files() {
		s := runtime.Secret{Name: f.Name, UID: idBase + f.UID, GID: idBase + f.GID, Mode: f.Mode}
		var err error
		if f.Reader != nil {
			s.Data, s.Mode, err = readFor(f, left)
			s.Mode &= 0o555 // it is delivered for reading
		} else {
			s.Data, err = e.unseal(rec.ID, f.Target, left)
		}
		if err != nil {
			return nil, fmt.Errorf("deliver %s: %w", f.Target, err)
		}
		left -= int64(len(s.Data))
		out = append(out, s)
	}
	return out, nil
}

// sendBefore takes files for a container that does not run and whose root cannot be written: into a volume, when the place
// lies in one, else to be delivered by the next start. It says false when the container runs or its root can be written.
func (e *Engine) sendBefore(ctx context.Context, ref, dir string, archive io.Reader, o CopyOptions) (bool, error) {
	c, err := e.find(ref)
	if err != nil {
		return false, err
	}
	if err := c.lock(ctx); err != nil {
		return false, err
	}
	defer c.unlock()
	rec := c.record()
	if _, err := c.running(); err == nil || rec.Posture.Root.Writable {
		return false, nil
	}
	dir = path.Clean("/" + dir)
	if m := volumeAt(rec.Mounts, dir); m != nil {
		err = e.sendToVolume(ctx, &rec, m, dir, archive, o)
	} else {
		err = e.keep(c, dir, archive, o)
	}
	if err != nil {
		return true, fmt.Errorf("copy to %s in container %s: %w", dir, rec.Name, err)
	}
	e.emit(c, events.ActionExtractToDir, nil)
	return true, nil
}

// volumeAt is the volume in which a path of the container lies, nil when there is none.
func volumeAt(mounts []store.Mount, name string) *store.Mount {
	var best *store.Mount
	for i, m := range mounts {
		if name == m.Destination || strings.HasPrefix(name, strings.TrimSuffix(m.Destination, "/")+"/") {
			if best == nil || len(m.Destination) > len(best.Destination) {
				best = &mounts[i]
			}
		}
	}
	if best == nil || best.Type != sandbox.MountVolume {
		return nil
	}
	return best
}

func (e *Engine) sendToVolume(ctx context.Context, rec *store.Container, m *store.Mount, dir string, archive io.Reader, o CopyOptions) error {
	if m.ReadOnly {
		return fmt.Errorf("the volume %s is mounted read-only: %w", m.Name, errdefs.ErrPermissionDenied)
	}
	img, err := e.opts.Images.Get(ctx, rec.ImageID)
	if err != nil {
		return err
	}
	layers, err := e.opts.Images.Rootfs(ctx, img)
	if err != nil {
		return err
	}
	if !m.NoCopy { // afterwards it is not empty any more
		if err := e.fillVolume(m.Source, layers, m.Destination); err != nil {
			return err
		}
	}
	root, err := os.Open(m.Source)
	if err != nil {
		return err
	}
	defer root.Close()
	inside := "/" + strings.TrimPrefix(dir, m.Destination)
	return files.Untar(root, inside, files.Mapping{}, archive, files.UntarOptions{NoOverwriteDirNonDir: o.NoOverwriteDirNonDir, KeepIDs: o.CopyUIDGID})
}

// keep notes files for the next starts: encrypted, since they are as often as not what nobody else is to read. The record
// comes last: what a crash leaves before it is not delivered, and goes with the container.
func (e *Engine) keep(c *cont, dir string, archive io.Reader, o CopyOptions) error {
	sent, err := files.ReadRegular(archive, sandbox.MaxFiles, sandbox.MaxFileBytes)
	if err != nil {
		return fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	rec := c.record()
	posture := rec.Posture
	for _, f := range sent {
		var owner sandbox.Identity
		if o.CopyUIDGID {
			owner.UID, owner.GID = f.UID, f.GID
		}
		target := path.Join(dir, f.Name)
		if owner.UID >= sandbox.IDs || owner.GID >= sandbox.IDs {
			return fmt.Errorf("%s belongs to ids that no container has: %w", target, errdefs.ErrInvalidArgument)
		}
		if posture, err = posture.Deliver(target, owner, f.Mode, int64(len(f.Data))); err != nil {
			return fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
		}
	}
	total := int64(0)
	for _, f := range posture.Files() {
		total += f.SizeBytes
	}
	if total > sandbox.MaxFileBytes {
		return fmt.Errorf("%w: %w", &files.TooLargeError{Name: dir, Limit: sandbox.MaxFileBytes}, errdefs.ErrInvalidArgument)
	}
	for _, f := range sent {
		if err := e.seal(rec.ID, path.Join(dir, f.Name), f.Data); err != nil {
			return err
		}
	}
	return e.change(c, func(r *store.Container) { r.Posture = posture })
}

// sealedPath is where a file that was sent for a target is kept.
func (e *Engine) sealedPath(id, target string) string {
	sum := sha256.Sum256([]byte(target))
	return filepath.Join(e.containerDir(id), "files", hex.EncodeToString(sum[:]))
}

func (e *Engine) seal(id, target string, data []byte) error {
	sealed, err := e.opts.Secrets.Seal(secret.NewValue(data))
	if err != nil {
		return err
	}
	name := e.sealedPath(id, target)
	if err := durable.MkdirAll(e.containerDir(id), 0o711); err != nil {
		return err
	}
	if err := durable.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return durable.Write(name, sealed)
}

func (e *Engine) unseal(id, target string, limit int64) ([]byte, error) {
	f, err := os.Open(e.sealedPath(id, target))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v, err := e.opts.Secrets.Unseal(f, limit)
	return v.Reveal(), err
}
