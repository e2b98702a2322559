// Package durable writes files that are whole or not there, whenever the
// process is killed or the power fails.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// Write makes the file appear with mode 0600, whole or not at all: the data is
// on disk before its name is, and the name before Write returns.
func Write(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}

// SyncDir waits until what was created, renamed or removed in a directory is on disk.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
