package unpack

import (
	"archive/tar"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// isWhiteout reports whether st is overlayfs's mark of a deleted file.
func isWhiteout(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 }

// place runs make, which creates base in the directory at exclusively, and decides what happens when base exists: a second
// directory is the first one with other attributes; a second file of the same kind replaces the first, as every tar reader
// does it; whatever stands for a deletion in lower layers gives way; everything else is refused, because readers differ.
func (a *applier) place(at int, base string, h *tar.Header, kind uint32, make func() error) error {
	err := make()
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EEXIST) {
		return disk("create", h.Name, err)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(at, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return disk("look at", h.Name, err)
	}
	switch {
	case isWhiteout(&st) && kind == unix.S_IFDIR:
		return makeOpaque(at, base, h.Name)
	case isWhiteout(&st):
	case st.Mode&unix.S_IFMT != kind:
		return hostile.Refuse("duplicate-type", h.Name, "the layer has this name twice, as things of different type")
	case kind == unix.S_IFDIR:
		return nil
	}
	if err := unix.Unlinkat(at, base, 0); err != nil {
		return disk("replace", h.Name, err)
	}
	if err := make(); err != nil {
		return disk("create", h.Name, err)
	}
	return nil
}

// makeOpaque turns a whiteout into a directory that hides what lower layers have in its place.
func makeOpaque(at int, base, entry string) error {
	if err := unix.Unlinkat(at, base, 0); err != nil {
		return disk("replace", entry, err)
	}
	if err := unix.Mkdirat(at, base, 0o700); err != nil {
		return disk("create", entry, err)
	}
	return setOpaque(at, base, entry)
}

// setOpaque marks a directory.
func setOpaque(at int, base, entry string) error {
	fd, err := openBeneath(at, base, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return disk("open", entry, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Fsetxattr(fd, opaque, []byte("y"), 0); err != nil {
		return disk("mark as opaque", entry, err)
	}
	return nil
}
