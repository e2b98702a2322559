package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxFile bounds a configuration or policy file, in bytes.
const maxFile = 1 << 20

// readTrusted reads a file that decides what root does. It must belong to
// root, or to whoever runs this, and nobody else may write it.
func readTrusted(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case owner != 0 && int(owner) != os.Geteuid():
		return nil, fmt.Errorf("%s belongs to user %d, who could change what root does; run: chown root %[1]s", path, owner)
	case info.Mode().Perm()&0o022 != 0:
		return nil, fmt.Errorf("%s can be written by others (mode %04o), who could change what root does; run: chmod go-w %[1]s", path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return data, nil
}

// markerName is the file that tells a node's directory from any other, and
// marker what it begins with.
const (
	markerName = "node"
	marker     = "bailey node "
)

// prepare makes the node's directories, or checks the ones that are there.
func prepare(c Config) error {
	for _, dir := range []string{c.Dir, filepath.Dir(c.Socket), c.RunDir} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("node directory: %w", err)
		}
		if err := ownDirectory(dir); err != nil {
			return err
		}
	}
	for _, dir := range []string{c.Dir, c.RunDir} {
		if err := reachable(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	err := os.WriteFile(filepath.Join(c.Dir, markerName), []byte(marker+c.Node+"\n"), 0o644)
	if err != nil {
		return fmt.Errorf("node directory: %w", err)
	}
	return nil
}

// ownDirectory refuses a directory in which others could put things, and
// opens one that is closed so tightly that containers could not reach their
// root filesystem in it.
func ownDirectory(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("node directory: %w", err)
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if int(owner) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s belongs to user %d with mode %04o: others could replace what the node keeps there; choose another --dir, or run: chown root %[1]s && chmod go-w %[1]s", dir, owner, info.Mode().Perm())
	}
	if mode := info.Mode().Perm() | 0o011; mode != info.Mode().Perm() {
		if err := os.Chmod(dir, mode); err != nil {
			return fmt.Errorf("node directory: %w", err)
		}
	}
	return nil
}

// reachable checks that users without rights can pass through dir and all
// above it: a container's root is such a user on the host.
func reachable(dir string) error {
	for {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("node directory: %w", err)
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("%s cannot be passed by other users (mode %04o), so no container could reach its root filesystem below it; choose another --dir, or run: chmod o+x %[1]s", dir, info.Mode().Perm())
		}
		if dir == "/" {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

// isNode returns an error when dir is not a node's directory.
func isNode(dir string) error {
	data, err := readTrusted(filepath.Join(dir, markerName))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !strings.HasPrefix(string(data), marker) {
		return fmt.Errorf("%s is not the directory of a node (it has no file %q that `bailey up` wrote)", dir, markerName)
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
