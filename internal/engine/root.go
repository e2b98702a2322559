package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/engine/view"
	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/runtime/rootfs"
)

// What a container's directory holds of its root file system: upper and work
// are the writable layer, generated is the layer that Bailey puts on top of
// the image. A container whose root is read-only has neither on disk while it
// runs: both are in memory then, and gone with the run.
func (e *Engine) upperDir(id string) string     { return filepath.Join(e.containerDir(id), "upper") }
func (e *Engine) workDir(id string) string      { return filepath.Join(e.containerDir(id), "work") }
func (e *Engine) generatedDir(id string) string { return filepath.Join(e.containerDir(id), "layer") }

// makeDirs makes a container's directory, with a writable layer if it is to have one on disk.
func (e *Engine) makeDirs(rec *store.Container) error {
	err := os.MkdirAll(e.containerDir(rec.ID), 0o711)
	if err == nil && rec.Posture.Root.Writable {
		err = errors.Join(
			os.MkdirAll(e.upperDir(rec.ID), 0o711), os.MkdirAll(e.workDir(rec.ID), 0o711),
			os.Chmod(e.upperDir(rec.ID), 0o755), // it becomes the root directory of the container
		)
	}
	if err != nil {
		return fmt.Errorf("container %s: %w", rec.Name, err)
	}
	return nil
}

// rootFor describes the root file system of a run.
func (e *Engine) rootFor(rec *store.Container, b *binding, layers image.Rootfs) (rootfs.Config, error) {
	files := e.generatedFiles(rec, b.Attachment)
	c := rootfs.Config{
		Lower: layers.Lower, Target: runtime.PathsIn(e.runDir(rec.ID)).Rootfs,
		IDBase: b.IDBase, AllowSetuid: rec.Posture.Root.Setuid,
	}
	if !rec.Posture.Root.Writable {
		c.Memory, c.Files = true, files
		return c, nil
	}
	c.Lower = append([]string{e.generatedDir(rec.ID)}, layers.Lower...)
	c.Upper, c.Work = e.upperDir(rec.ID), e.workDir(rec.ID)
	return c, rootfs.WriteLayer(e.generatedDir(rec.ID), files)
}

// openView shows the root of a container that does not run. Nothing can be
// written to one that is read-only.
func (e *Engine) openView(ctx context.Context, rec *store.Container) (*os.File, error) {
	img, err := e.opts.Images.Get(ctx, rec.ImageID)
	if err != nil {
		return nil, err
	}
	layers, err := e.opts.Images.Rootfs(ctx, img)
	if err != nil {
		return nil, err
	}
	if err := e.makeDirs(rec); err != nil {
		return nil, err
	}
	lower := layers.Lower
	if b, err := loadBinding(e.containerDir(rec.ID)); err == nil { // it has run: its names are as they were then
		if err := rootfs.WriteLayer(e.generatedDir(rec.ID), e.generatedFiles(rec, b.Attachment)); err != nil {
			return nil, err
		}
		lower = append([]string{e.generatedDir(rec.ID)}, lower...)
	}
	if !rec.Posture.Root.Writable {
		return view.Open(lower, "", "")
	}
	return view.Open(lower, e.upperDir(rec.ID), e.workDir(rec.ID))
}
