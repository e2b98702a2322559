package rootfs

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Bounds on what one look-up may cost: symbolic links on the way, as in the
// kernel, and directories held open at once (each in up to MaxLayers layers).
const (
	maxLinks = 40
	maxDepth = 32
)

// Layers reads files through read-only layers without mounting them. It looks
// up one name at a time and follows symbolic links itself, so that no path of
// an image is ever given to the kernel.
type Layers struct {
	top merged
}

// merged is one directory as the layers together show it: the directories
// that are merged, the topmost first.
type merged []*os.File

func (m merged) close() {
	for _, f := range m {
		f.Close()
	}
}

// OpenLayers opens layer directories, the topmost first.
func OpenLayers(dirs []string) (*Layers, error) {
	l := &Layers{}
	for _, d := range dirs {
		fd, err := openDir(d)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.top = append(l.top, os.NewFile(uintptr(fd), d))
	}
	return l, nil
}

// Close releases the layers.
func (l *Layers) Close() error {
	l.top.close()
	l.top = nil
	return nil
}

// ReadFile returns a regular file's content. A missing file is an error that
// is fs.ErrNotExist; more than max bytes, and anything but a regular file, are
// errors of their own.
func (l *Layers) ReadFile(path string, max int) ([]byte, error) {
	w := walk{stack: []merged{l.top}}
	defer w.close()
	err := w.run(path)
	switch {
	case err != nil:
	case w.missing:
		err = unix.ENOENT
	case w.end == nil:
		err = unix.EISDIR
	case len(w.rest) > 0:
		err = unix.ENOTDIR
	}
	if err != nil {
		return nil, &Error{"find in the image", path, err}
	}
	data, err := readRegular(w.end, max)
	if err != nil {
		return nil, &Error{"read from the image", path, err}
	}
	return data, nil
}

// Place is where a path leads inside an image.
type Place struct {
	Path   string // absolute, clean, without symbolic links
	Exists bool
	Dir    bool // it exists and is a directory
}

// Resolve follows the symbolic links of path inside the layers. What is
// missing at its end is taken as it is written.
func (l *Layers) Resolve(path string) (Place, error) {
	w := walk{stack: []merged{l.top}}
	defer w.close()
	if err := w.run(path); err != nil {
		return Place{}, &Error{"find in the image", path, err}
	}
	names := w.names
	for _, name := range w.rest {
		switch {
		case name == "" || name == ".":
		case name != "..":
			names = append(names, name)
		case len(names) > 0:
			names = names[:len(names)-1]
		}
	}
	exists := !w.missing && len(w.rest) == 0
	if w.end != nil && len(w.rest) > 0 {
		return Place{}, &Error{"find in the image", path, unix.ENOTDIR}
	}
	return Place{Path: "/" + strings.Join(names, "/"), Exists: exists, Dir: exists && w.end == nil}, nil
}

// walk is one path being looked up.
type walk struct {
	stack   []merged // the directory reached, below all that lead to it
	names   []string // what they are called, without the top
	end     *os.File // what is no directory and ends the walk; O_PATH
	missing bool     // the first of rest does not exist
	rest    []string // what was not walked
	links   int
}

func (w *walk) close() {
	w.ascend(1)
	if w.end != nil {
		w.end.Close()
	}
}

// ascend goes up until n directories are left; the top one always is.
func (w *walk) ascend(n int) {
	for n = max(n, 1); len(w.stack) > n; w.stack = w.stack[:len(w.stack)-1] {
		w.stack[len(w.stack)-1].close()
	}
	w.names = w.names[:min(len(w.names), n-1)]
}

func (w *walk) run(path string) error {
	w.rest = strings.Split(path, "/")
	for len(w.rest) > 0 && w.end == nil {
		name := w.rest[0]
		if name == ".." {
			w.ascend(len(w.stack) - 1)
		}
		if name == "" || name == "." || name == ".." {
			w.rest = w.rest[1:]
			continue
		}
		dirs, other, err := w.stack[len(w.stack)-1].step(name)
		if err == unix.ENOENT {
			w.missing = true
			return nil
		}
		if err != nil {
			return err
		}
		w.rest = w.rest[1:]
		if dirs != nil {
			w.stack, w.names = append(w.stack, dirs), append(w.names, name)
			if len(w.stack) > maxDepth {
				return unix.ENAMETOOLONG
			}
			continue
		}
		if err := w.turn(name, other); err != nil {
			return err
		}
	}
	return nil
}

// turn follows other when it is a symbolic link and ends the walk when not.
func (w *walk) turn(name string, other *os.File) error {
	target, isLink, err := readLink(other)
	if err == nil && !isLink {
		w.end, w.names = other, append(w.names, name)
		return nil
	}
	other.Close()
	if err != nil {
		return err
	}
	if w.links++; w.links > maxLinks {
		return unix.ELOOP
	}
	if strings.HasPrefix(target, "/") {
		w.ascend(1)
	}
	w.rest = append(strings.Split(target, "/"), w.rest...)
	return nil
}

// step looks name up: either the merged directory of that name, or the one
// other thing that the topmost layer having it holds.
func (m merged) step(name string) (dirs merged, other *os.File, err error) {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return nil, nil, unix.ENOENT // never a way out of the layers
	}
	for _, layer := range m {
		fd, err := unix.Openat(int(layer.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == unix.ENOENT {
			continue
		}
		if err != nil {
			dirs.close()
			return nil, nil, err
		}
		f := os.NewFile(uintptr(fd), name)
		var s unix.Stat_t
		if err := unix.Fstat(fd, &s); err != nil {
			f.Close()
			dirs.close()
			return nil, nil, err
		}
		if s.Mode&unix.S_IFMT != unix.S_IFDIR {
			if dirs == nil && (s.Mode&unix.S_IFMT != unix.S_IFCHR || s.Rdev != 0) {
				return nil, f, nil
			}
			f.Close() // a whiteout, or a file that the directory above it hides
			break
		}
		dirs = append(dirs, f)
		if opaque(fd) {
			break
		}
	}
	if dirs == nil {
		return nil, nil, unix.ENOENT
	}
	return dirs, nil, nil
}

// opaque reports whether overlayfs hides what lies below this directory.
func opaque(fd int) bool {
	var v [1]byte
	n, err := unix.Getxattr(fdPath(fd), "trusted.overlay.opaque", v[:])
	return err == nil && n == 1 && v[0] == 'y'
}

// readLink returns the target when f is a symbolic link.
func readLink(f *os.File) (target string, isLink bool, err error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return "", false, err
	}
	if s.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", false, nil
	}
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(int(f.Fd()), "", buf[:])
	if err != nil || n == len(buf) {
		return "", true, errors.Join(err, unix.ENAMETOOLONG)
	}
	return string(buf[:n]), true, nil
}

// readRegular reads what an O_PATH descriptor refers to. Only a regular file
// is opened: opening a FIFO would block and opening a device could act.
func readRegular(f *os.File, max int) ([]byte, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return nil, err
	}
	if s.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, errors.New("it is not a regular file")
	}
	if s.Size > int64(max) {
		return nil, errors.New("it is larger than " + itoa(max) + " bytes")
	}
	r, err := os.Open(fdPath(int(f.Fd())))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, 0, s.Size+1)
	for {
		n, err := unix.Read(int(r.Fd()), data[len(data):cap(data)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return data, nil
		}
		data = data[:len(data)+n]
		if len(data) > max {
			return nil, errors.New("it is larger than " + itoa(max) + " bytes")
		}
		if len(data) == cap(data) { // it grew while it was read
			data = append(data, 0)[:len(data)]
		}
	}
}
