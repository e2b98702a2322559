package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Remove removes a file for good.
func Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// MkdirAll is os.MkdirAll that makes every directory durable that it had to make.
func MkdirAll(path string, mode os.FileMode) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(path, mode) // which says what is wrong when it is no directory
	}
	parent := filepath.Dir(path)
	if err := MkdirAll(parent, mode); err != nil {
		return err
	}
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(parent)
}

// Private makes a directory that only its owner enters, also when it is there already and was open to others. What is
// root's in a container is root's on the disk, set-user-id programs too: users of the host must not get to it.
func Private(path string) error {
	if err := MkdirAll(path, 0o700); err != nil {
		return err
	}
	return os.Chmod(path, 0o700)
}

// SyncAll makes everything durable that was written to the file system which path lies on. One call covers many files, which
// one for each would take far longer to do.
func SyncAll(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd())))
	return errors.Join(err, f.Close())
}
