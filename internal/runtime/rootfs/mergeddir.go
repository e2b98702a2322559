package rootfs

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is one directory as the layers together show it. Close it when done.
type Dir struct {
	layers merged
}

// Close releases the directory.
func (d *Dir) Close() error {
	d.layers.close()
	d.layers = nil
	return nil
}

// OpenDir opens the directory at path, through no symbolic link. It is
// fs.ErrNotExist when the layers show none there.
func (l *Layers) OpenDir(path string) (*Dir, error) {
	at := slices.Clone(l.top)
	for i := range at { // what is returned is closed apart from l
		fd, err := unix.FcntlInt(at[i].Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			merged(at[:i]).close()
			return nil, &Error{"open", path, err}
		}
		at[i] = os.NewFile(uintptr(fd), at[i].Name())
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		dirs, other, err := at.step(name)
		at.close()
		if other != nil {
			other.Close()
			err = unix.ENOENT
		}
		if err != nil {
			return nil, &Error{"open", path, err}
		}
		at = dirs
	}
	return &Dir{at}, nil
}

// Has tells whether the directory shows an entry of this name.
func (d *Dir) Has(name string) (bool, error) {
	dirs, other, err := d.layers.step(name)
	dirs.close()
	if other != nil {
		other.Close()
	}
	if err == unix.ENOENT {
		return false, nil
	}
	return err == nil, err
}

// Names lists what the directory shows, sorted; more than max names are an error.
func (d *Dir) Names(max int) ([]string, error) {
	seen := make(map[string]bool) // false: hidden by a whiteout
	for _, layer := range d.layers {
		fd, err := unix.Openat(int(layer.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, &Error{"list", layer.Name(), err}
		}
		err = list(os.NewFile(uintptr(fd), layer.Name()), seen, max)
		if err != nil {
			return nil, &Error{"list", layer.Name(), err}
		}
	}
	var names []string
	for name, shown := range seen {
		if shown {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// list adds the entries of one layer's directory and closes it.
func list(f *os.File, seen map[string]bool, max int) error {
	defer f.Close()
	for {
		entries, err := f.ReadDir(1024)
		for _, e := range entries {
			if _, known := seen[e.Name()]; known {
				continue
			}
			shown := true
			if e.Type()&os.ModeCharDevice != 0 {
				var s unix.Stat_t
				err := unix.Fstatat(int(f.Fd()), e.Name(), &s, unix.AT_SYMLINK_NOFOLLOW)
				shown = err != nil || s.Rdev != 0
			}
			seen[e.Name()] = shown
		}
		if len(seen) > max {
			return errors.New("it has more than " + itoa(max) + " entries")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// IsOpaque reports whether a directory of a layer hides what the layers below
// it have there. dir may be opened with O_PATH.
func IsOpaque(dir *os.File) bool { return opaque(int(dir.Fd())) }
