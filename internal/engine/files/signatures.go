package files

import (
	"errors"
	"io"
	"os"
)

var errPending = errors.ErrUnsupported

// Lstat describes a path without following it if it is a link.
func Lstat(root *os.File, path string) (Stat, error) { return Stat{}, errPending }

// TarFrom writes what lies at path as a tar archive whose first entry has
// the path's last name, as `docker cp` expects.
func TarFrom(root *os.File, path string, m Mapping, w io.Writer) error { return errPending }

// Untar lays an archive (tar, also compressed with gzip or zstd) into the
// directory at path.
func Untar(root *os.File, path string, m Mapping, r io.Reader, o UntarOptions) error {
	return errPending
}

// Export writes the whole root as a tar archive.
func Export(root *os.File, m Mapping, w io.Writer) error { return errPending }

// Changes compares a container's upper directory with its layers, the
// topmost first.
func Changes(upper string, lower []string) ([]Change, error) { return nil, errPending }

// CopyTree copies the directory at path, with owners and modes, into the
// directory to, and gives to itself the owner and mode of the original. A
// path that is not there copies nothing.
func CopyTree(root *os.File, path string, to *os.File) error { return errPending }
