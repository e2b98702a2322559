package files

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// maxLink bounds the target of a symbolic link, as the kernel does (PATH_MAX).
const maxLink = 4096

// Lstat describes a path. A link at its end is described, not followed, unless
// the path ends in "/" or "/.".
func Lstat(root *os.File, name string) (Stat, error) {
	f, err := open(root, name)
	if err != nil {
		return Stat{}, err
	}
	defer f.Close()
	st, err := fstat(f)
	if err != nil {
		return Stat{}, err
	}
	out := Stat{Name: base(name), Size: st.Size, Mode: fileMode(st.Mode), Mtime: time.Unix(st.Mtim.Unix())}
	if kind(&st) == unix.S_IFLNK {
		out.LinkTarget, err = readlink(f)
	}
	return out, err
}

// readlink reads the link that an O_PATH descriptor stands for.
func readlink(f *os.File) (string, error) {
	buf := make([]byte, maxLink)
	n, err := unix.Readlinkat(int(f.Fd()), "", buf)
	if err != nil {
		return "", &os.PathError{Op: "readlink", Path: f.Name(), Err: err}
	}
	return string(buf[:n]), nil
}

// fileMode is Go's form of st_mode.
func fileMode(m uint32) os.FileMode {
	mode := os.FileMode(m & 0o777)
	switch m & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= os.ModeDir
	case unix.S_IFLNK:
		mode |= os.ModeSymlink
	case unix.S_IFIFO:
		mode |= os.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= os.ModeSocket
	case unix.S_IFCHR:
		mode |= os.ModeDevice | os.ModeCharDevice
	case unix.S_IFBLK:
		mode |= os.ModeDevice
	}
	for bit, flag := range map[uint32]os.FileMode{unix.S_ISUID: os.ModeSetuid, unix.S_ISGID: os.ModeSetgid, unix.S_ISVTX: os.ModeSticky} {
		if m&bit != 0 {
			mode |= flag
		}
	}
	return mode
}
