package rootfs

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// File is one entry of a generated layer.
type File struct {
	Path string // relative, clean, without ".."; parents are made with mode 0755
	Mode uint32 // permission bits
	Dir  bool
	Data []byte
	Link string // the target, when the entry is a symbolic link
}

// WriteLayer puts files into the layer directory dir, which is made when it
// is missing. An entry that exists is replaced in one step; others stay. It
// follows no symbolic link below dir. A layer must not change while mounted.
func WriteLayer(dir string, files []File) error {
	if err := unix.Mkdir(dir, 0o755); err != nil && err != unix.EEXIST {
		return &Error{"make layer", dir, err}
	}
	fd, err := openDir(dir)
	if err != nil {
		return err
	}
	top := os.NewFile(uintptr(fd), dir)
	defer top.Close()
	return writeFiles(top, files)
}

func writeFiles(top *os.File, files []File) error {
	for i := range files {
		if err := files[i].write(top); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) write(top *os.File) error {
	if !clean("/" + f.Path) {
		return &Error{"write", f.Path, errors.New("not a relative, clean path")}
	}
	dir, name, err := parentOf(top, f.Path)
	if err != nil {
		return err
	}
	if dir != top {
		defer dir.Close()
	}
	at := int(dir.Fd())
	if f.Dir {
		return f.mkdir(at, name)
	}
	// The final name appears only with the whole content behind it.
	temp := ".new-" + name
	if err := unix.Unlinkat(at, temp, 0); err != nil && err != unix.ENOENT {
		return &Error{"clear", f.Path, err}
	}
	if f.Link != "" {
		err = unix.Symlinkat(f.Link, at, temp)
	} else {
		err = f.create(at, temp)
	}
	if err == nil {
		err = unix.Renameat(at, temp, at, name)
	}
	if err != nil {
		_ = unix.Unlinkat(at, temp, 0)
		return &Error{"write", f.Path, err}
	}
	return nil
}

// parentOf opens, and makes where it is missing, the directory that path is in.
func parentOf(top *os.File, path string) (*os.File, string, error) {
	dir, rest := top, path
	for {
		name, after, more := strings.Cut(rest, "/")
		if !more {
			return dir, name, nil
		}
		if err := unix.Mkdirat(int(dir.Fd()), name, 0o755); err != nil && err != unix.EEXIST {
			return nil, "", &Error{"make", path, err}
		}
		next, err := OpenBeneath(dir, name, unix.O_PATH|unix.O_DIRECTORY, 0)
		if dir != top {
			dir.Close()
		}
		if err != nil {
			return nil, "", err
		}
		dir, rest = next, after
	}
}

func (f *File) mkdir(at int, name string) error {
	if err := unix.Mkdirat(at, name, f.Mode); err != nil && err != unix.EEXIST {
		return &Error{"make", f.Path, err}
	}
	// Without following: what is there may be anything but a directory.
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &Error{"open", f.Path, err}
	}
	defer unix.Close(fd)
	if err := unix.Fchmod(fd, f.Mode); err != nil {
		return &Error{"set the mode of", f.Path, err}
	}
	return nil
}

func (f *File) create(at int, name string) error {
	fd, err := unix.Openat(at, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for data := f.Data; len(data) > 0; {
		n, err := unix.Write(fd, data)
		if err != nil && err != unix.EINTR {
			return err
		}
		data = data[max(n, 0):]
	}
	return unix.Fchmod(fd, f.Mode) // whatever the umask
}
