package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Remove removes the container's groups, which must be empty of processes.
// Groups that are gone already are no error. A group whose last process has
// just died is busy for a moment: it is tried until ctx ends, at most for
// some seconds.
func (m *Manager) Remove(ctx context.Context, id string) error {
	if !validName(id) {
		return fmt.Errorf("control group of %q: %w", id, fs.ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var err error
	for i := range m.trees {
		err = errors.Join(err, removeTree(ctx, m.dir(&m.trees[i], id)))
	}
	return err
}

// removeTree removes a group and all below it, the lowest first.
func removeTree(ctx context.Context, dir string) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := removeOnce(dir)
		if err == nil || gone(err) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("remove a control group: %w", err)
		}
		if wait(ctx, pause) != nil {
			pids, _ := pidsBelow(dir)
			return fmt.Errorf("remove a control group: %w; processes in it: %v", err, pids[:min(len(pids), 5)])
		}
	}
}

func removeOnce(dir string) error {
	err := unix.Rmdir(dir)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	entries, readErr := os.ReadDir(dir)
	if readErr != nil {
		return readErr
	}
	below := false
	for _, e := range entries {
		if e.IsDir() {
			below = true
			if err := removeOnce(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if below {
		err = unix.Rmdir(dir)
	}
	if err != nil && err != unix.ENOENT {
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

// Destroy removes every group of the node. It fails while processes live in
// one, and names it.
func (m *Manager) Destroy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var err error
	for i := range m.trees {
		err = errors.Join(err, removeTree(ctx, m.dir(&m.trees[i])))
	}
	return err
}
