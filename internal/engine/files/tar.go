package files

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// ids is how many user and group ids a container has.
const ids = 65536

// TarFrom writes what lies at name as a tar archive. Its first entry has the
// last part of the name, or "./" when only the contents are meant.
func TarFrom(root *os.File, name string, m Mapping, w io.Writer) error {
	f, err := open(root, name)
	if err != nil {
		return err
	}
	defer f.Close()
	first := base(name)
	if contents(name) || first == "/" {
		first = "."
	}
	return pack(f, first, &packer{tw: tar.NewWriter(w), mapping: m, links: make(map[inode]string)})
}

// Export writes the whole root as a tar archive, without what is mounted on it.
func Export(root *os.File, m Mapping, w io.Writer) error {
	p := &packer{tw: tar.NewWriter(w), mapping: m, links: make(map[inode]string), oneMount: true}
	return pack(root, ".", p)
}

// inode identifies a file that has several names.
type inode struct{ dev, ino uint64 }

// packer writes one archive.
type packer struct {
	tw       *tar.Writer
	mapping  Mapping
	links    map[inode]string // the first name of each file
	oneMount bool             // leave out what is mounted below
	dev      uint64
}

func pack(f *os.File, name string, p *packer) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	p.dev = st.Dev
	if err := p.add(f, name, &st); err != nil {
		return err
	}
	return p.tw.Close()
}

// add writes one file; f was opened with O_PATH and st is its stat.
func (p *packer) add(f *os.File, name string, st *unix.Stat_t) error {
	h := &tar.Header{
		Name: name, Mode: int64(st.Mode & 0o7777), ModTime: time.Unix(st.Mtim.Unix()), Format: tar.FormatPAX,
		Uid: p.id(st.Uid), Gid: p.id(st.Gid),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return p.addDir(f, h, st)
	case unix.S_IFLNK:
		target, err := readlink(f, "")
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, target
	case unix.S_IFREG:
		return p.addFile(f, h, st)
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	default:
		return nil // devices and sockets mean nothing elsewhere
	}
	return p.tw.WriteHeader(h)
}

func (p *packer) addFile(f *os.File, h *tar.Header, st *unix.Stat_t) error {
	h.Typeflag, h.Size = tar.TypeReg, st.Size
	if st.Nlink > 1 {
		key := inode{st.Dev, st.Ino}
		if first, known := p.links[key]; known {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			return p.tw.WriteHeader(h)
		}
		p.links[key] = h.Name
	}
	if err := p.tw.WriteHeader(h); err != nil {
		return err
	}
	content, err := reopen(f, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer content.Close()
	n, err := io.Copy(p.tw, io.LimitReader(content, h.Size))
	if err == nil && n < h.Size {
		err = fmt.Errorf("%s became shorter while it was read", h.Name)
	}
	return err
}

func (p *packer) addDir(f *os.File, h *tar.Header, st *unix.Stat_t) error {
	h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	if err := p.tw.WriteHeader(h); err != nil {
		return err
	}
	if p.oneMount && st.Dev != p.dev {
		return nil
	}
	dir, err := reopen(f, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if err := p.addChild(dir, name, path.Join(h.Name, name)); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) addChild(dir *os.File, name, full string) error {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil // it went away meanwhile
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: full, Err: err}
	}
	f := os.NewFile(uintptr(fd), full)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	return p.add(f, full, &st)
}

// id is an id as the container knows it; nobody for one that it does not.
func (p *packer) id(shown uint32) int {
	if n := shown - p.mapping.Base; n < ids {
		return int(n)
	}
	return ids - 2
}

// reopen opens what an O_PATH descriptor stands for. It was looked at before,
// so this is no FIFO or device that would block or act.
func reopen(f *os.File, flags int) (*os.File, error) {
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: f.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
