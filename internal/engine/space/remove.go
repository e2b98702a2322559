package space

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// deepest is how many directories inside each other are open while a tree is
// removed. What lies deeper is moved to the top first: a container can nest
// directories by the hundred thousand, and a descriptor for each would take
// all that the node may have.
const deepest = 64

// Remove deletes a tree that nobody writes to any more, whatever it holds. A
// tree that is not there is no error.
func Remove(path string) error {
	err := remove(path)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}

func remove(path string) error {
	parent, err := unix.Open(filepath.Dir(path), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	name := filepath.Base(path)
	top, err := unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return unix.Unlinkat(parent, name, 0)
	}
	if err != nil {
		return err
	}
	defer unix.Close(top)
	r := remover{top: top}
	if err := r.empty(top, 1); err != nil {
		return err
	}
	return unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
}

// remover removes what is in the directory top.
type remover struct {
	top   int
	moved int // directories that were too deep
}

// empty removes what is in a directory that lies so deep. It reads the
// directory from the start until nothing is left: to remove while reading may
// skip names, and what was too deep appears at the top.
func (r *remover) empty(dir, depth int) error {
	room := make([]byte, names)
	for {
		if _, err := unix.Seek(dir, 0, io.SeekStart); err != nil {
			return err
		}
		list, err := readNames(dir, room)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, name := range list {
			if err := r.entry(dir, name, depth); err != nil {
				return fmt.Errorf("%q: %w", name, err)
			}
		}
	}
}

// readNames returns some names of a directory, and none when it is empty.
func readNames(dir int, room []byte) ([]string, error) {
	for {
		n, err := unix.ReadDirent(dir, room)
		if err != nil || n <= 0 {
			return nil, err
		}
		if _, found, list := unix.ParseDirent(room[:n], -1, nil); found > 0 {
			return list, nil
		}
	}
}

func (r *remover) entry(dir int, name string, depth int) error {
	err := unix.Unlinkat(dir, name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) { // EPERM is what POSIX has for a directory
		return err
	}
	if err := unix.Unlinkat(dir, name, unix.AT_REMOVEDIR); err == nil || !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
		return err
	}
	if depth >= deepest {
		return r.lift(dir, name)
	}
	child, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	err = r.empty(child, depth+1)
	unix.Close(child)
	if err != nil {
		return err
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}

// lift moves a directory to the top, under a name that is free there.
func (r *remover) lift(dir int, name string) error {
	for {
		r.moved++
		err := unix.Renameat2(dir, name, r.top, fmt.Sprintf(".deep-%d", r.moved), unix.RENAME_NOREPLACE)
		if !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
}
