package files

import (
	"os"
	"path"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"golang.org/x/sys/unix"
)

// maxLink bounds the target of a symbolic link, as the kernel does (PATH_MAX).
const maxLink = 4096

// open resolves a path inside the root. A trailing "/" or "/." asks for what
// a link at the end points to.
func open(root *os.File, name string) (*os.File, error) {
	flags := unix.O_PATH | unix.O_NOFOLLOW
	if contents(name) || strings.HasSuffix(name, "/") {
		flags = unix.O_PATH
	}
	return rootfs.OpenInRoot(root, inside(name), flags, 0)
}

// contents says that not the directory itself is meant but what it holds.
func contents(name string) bool { return name == "." || strings.HasSuffix(name, "/.") }

// inside makes a client's path one that is relative to the root.
func inside(name string) string {
	return "." + path.Clean("/"+name)
}

// Lstat describes a path. A link at its end is described, not followed.
func Lstat(root *os.File, name string) (Stat, error) {
	f, err := open(root, name)
	if err != nil {
		return Stat{}, err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return Stat{}, os.NewSyscallError("fstat", err)
	}
	out := Stat{Name: base(name), Size: st.Size, Mode: fileMode(st.Mode), Mtime: time.Unix(st.Mtim.Unix())}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		out.LinkTarget, err = readlink(f, "")
	}
	return out, err
}

func base(name string) string { return path.Base(path.Clean("/" + name)) }

func readlink(dir *os.File, name string) (string, error) {
	buf := make([]byte, maxLink)
	n, err := unix.Readlinkat(int(dir.Fd()), name, buf)
	if err != nil {
		return "", os.NewSyscallError("readlinkat", err)
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
