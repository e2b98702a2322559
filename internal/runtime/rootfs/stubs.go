package rootfs

import (
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Stub is a mount point that the OCI runtime will have to make in the writable layer, because the layers have none. It
// is to be taken away after the run where the writable layer becomes part of an image.
type Stub struct {
	parts []string // of its path, without links
	have  int      // how many of them exist
	times [2]unix.Timespec
}

// Stubs looks for mount points that are missing. l must have the writable layer on top.
func (l *Layers) Stubs(targets []string) ([]Stub, error) {
	var stubs []Stub
	for _, target := range targets {
		s, err := l.stub(target)
		if err != nil {
			return nil, &Error{"find in the image", target, err}
		}
		if s.have < len(s.parts) {
			stubs = append(stubs, s)
		}
	}
	return stubs, nil
}

func (l *Layers) stub(target string) (Stub, error) {
	w := walk{stack: []merged{l.top}}
	defer w.close()
	if err := w.run(target); err != nil {
		return Stub{}, err
	}
	s := Stub{parts: slices.Clone(w.names), have: len(w.names)}
	if !w.missing {
		return s, nil
	}
	for _, part := range w.rest {
		if part == ".." {
			return Stub{}, unix.EINVAL
		}
		if part != "" && part != "." {
			s.parts = append(s.parts, part)
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(w.stack[len(w.stack)-1][0].Fd()), &st); err != nil {
		return Stub{}, err
	}
	s.times = [2]unix.Timespec{st.Atim, st.Mtim}
	return s, nil
}

// RemoveStubs takes from the writable layer upper what was made as a mount point and is still empty, and gives the
// directory that it was made in its time back, so that the layer does not tell of mounts. Nothing may be mounted on
// the layer.
func RemoveStubs(upper string, stubs []Stub) error {
	if len(stubs) == 0 {
		return nil
	}
	fd, err := openDir(upper)
	if err != nil {
		return err
	}
	top := os.NewFile(uintptr(fd), upper)
	defer top.Close()
	for _, s := range slices.Backward(stubs) {
		if err := s.remove(top); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stub) remove(top *os.File) error {
	for i := len(s.parts); i > s.have; i-- {
		gone, err := removeEmpty(top, s.parts[:i])
		if err != nil || !gone {
			return err
		}
	}
	dir, err := openParts(top, s.parts[:s.have])
	if err != nil {
		return ignoreMissing(err)
	}
	if dir != top {
		defer dir.Close()
	}
	if err := unix.UtimesNanoAt(int(dir.Fd()), ".", s.times[:], 0); err != nil {
		return &Error{"set the time of", strings.Join(s.parts[:s.have], "/"), err}
	}
	return nil
}

// removeEmpty removes an empty directory or an empty file; gone says that nothing is there any more.
func removeEmpty(top *os.File, parts []string) (gone bool, err error) {
	dir, err := openParts(top, parts[:len(parts)-1])
	if err != nil {
		return true, ignoreMissing(err)
	}
	if dir != top {
		defer dir.Close()
	}
	name := parts[len(parts)-1]
	var st unix.Stat_t
	err = unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case err == unix.ENOENT:
		return true, nil
	case err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR:
		err = unix.Unlinkat(int(dir.Fd()), name, unix.AT_REMOVEDIR)
	case err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size == 0:
		err = unix.Unlinkat(int(dir.Fd()), name, 0)
	case err == nil:
		return false, nil
	}
	if err == unix.ENOTEMPTY {
		return false, nil
	}
	if err != nil {
		return false, &Error{"remove the mount point", strings.Join(parts, "/"), err}
	}
	return true, nil
}

// openParts opens a directory of the layer without following links.
func openParts(top *os.File, parts []string) (*os.File, error) {
	if len(parts) == 0 {
		return top, nil
	}
	return OpenBeneath(top, strings.Join(parts, "/"), unix.O_RDONLY|unix.O_DIRECTORY, 0)
}

func ignoreMissing(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil
	}
	return err
}
