package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"golang.org/x/sys/unix"
)

// Changes compares the upper directory of an overlay with its layers, the
// topmost first. A whiteout, a character device 0:0, is a deletion
// (overlayfs, Documentation/filesystems/overlayfs.rst).
func Changes(upper string, lower []string) ([]Change, error) {
	layers, err := openDirs(lower)
	defer closeAll(layers)
	if err != nil {
		return nil, err
	}
	var out []Change
	err = filepath.WalkDir(upper, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // not started yet, or it changed meanwhile
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(upper, path)
		if err != nil || rel == "." {
			return err
		}
		kind, err := kindOf(path, rel, layers)
		if err != nil {
			return err
		}
		out = append(out, Change{Path: "/" + rel, Kind: kind})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", upper, err)
	}
	return out, nil
}

func kindOf(path, rel string, layers []*os.File) (Kind, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	if whiteout(&st) {
		return Deleted, nil
	}
	if inLayers(rel, layers) {
		return Modified, nil
	}
	return Added, nil
}

func inLayers(rel string, layers []*os.File) bool {
	for _, l := range layers {
		f, err := rootfs.OpenBeneath(l, rel, unix.O_PATH|unix.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		err = unix.Fstat(int(f.Fd()), &st)
		f.Close()
		if err == nil {
			return !whiteout(&st)
		}
	}
	return false
}

func whiteout(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

func openDirs(paths []string) ([]*os.File, error) {
	var out []*os.File
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return out, err
		}
		out = append(out, f)
	}
	return out, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
