package files

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"golang.org/x/sys/unix"
)

// ids is how many user and group ids a container has.
const ids = 65536

// maxLinks is how many files with several names are remembered; more become
// separate files in the archive.
const maxLinks = 1 << 18

// TarFrom writes what lies at name as a tar archive. Its first entry has the
// last part of the name, or "./" when only the contents are meant. Devices and
// sockets are left out, and so are set-user-id and set-group-id bits: a
// program of the container is not to gain rights on the host by being copied.
func TarFrom(root *os.File, name string, m Mapping, w io.Writer) error {
	f, err := open(root, name)
	if err != nil {
		return err
	}
	defer f.Close()
	if of, err := ofKernel(f); err != nil || of {
		return errors.Join(err, &os.PathError{Op: "read", Path: name, Err: errKernel})
	}
	first := base(name)
	if contents(name) || first == "/" {
		first = "."
	}
	return pack(f, first, &packer{tw: tar.NewWriter(w), mapping: m, mode: 0o1777})
}

// Export writes the whole root as a tar archive, without what is mounted on it.
func Export(root *os.File, m Mapping, w io.Writer) error {
	f, err := reopen(root, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer f.Close()
	return pack(f, ".", &packer{tw: tar.NewWriter(w), mapping: m, mode: 0o7777, oneMount: true})
}

// inode identifies a file that has several names.
type inode struct{ dev, ino uint64 }

// packer writes one archive.
type packer struct {
	tw       *tar.Writer
	mapping  Mapping
	mode     uint32           // the bits of a mode that are kept
	links    map[inode]string // the first name of each file that has several
	oneMount bool             // leave out what is mounted below
	keep     map[string]bool  // the absolute paths to write; nil for all
	layer    bool             // overlayfs's marks of deletions become those of a layer
	mount    uint64
	depth    int
}

func pack(f *os.File, name string, p *packer) (err error) {
	p.links = make(map[inode]string)
	if p.mount, err = mountID(f); err != nil {
		return err
	}
	if err := p.add(f, name); err != nil {
		return err
	}
	return p.tw.Close()
}

func mountID(f *os.File) (uint64, error) {
	var s unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &s); err != nil {
		return 0, &os.PathError{Op: "statx", Path: f.Name(), Err: err}
	}
	return s.Mnt_id, nil
}

// add writes one file; f was opened with O_PATH.
func (p *packer) add(f *os.File, name string) error {
	st, err := fstat(f)
	if err != nil {
		return err
	}
	h := &tar.Header{
		Name: name, Mode: int64(st.Mode & p.mode), ModTime: time.Unix(st.Mtim.Unix()), Format: tar.FormatPAX,
		Uid: p.id(st.Uid), Gid: p.id(st.Gid),
	}
	switch kind(&st) {
	case unix.S_IFDIR:
		return p.addDir(f, h)
	case unix.S_IFLNK:
		target, err := readlink(f)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, target
	case unix.S_IFREG:
		return p.addFile(f, h, &st)
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case unix.S_IFCHR:
		if !p.layer || st.Rdev != 0 {
			return nil
		}
		return p.mark(path.Join(path.Dir(name), whiteoutPrefix+path.Base(name)))
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
		if len(p.links) < maxLinks {
			p.links[key] = h.Name
		}
	}
	content, err := reopen(f, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := p.tw.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(p.tw, io.LimitReader(content, h.Size))
	if err == nil && n < h.Size {
		err = fmt.Errorf("%s became shorter while it was read: stop or pause the container first", h.Name)
	}
	return err
}

// addDir writes a directory and what is in it, some entries at a time: there
// may be millions.
func (p *packer) addDir(f *os.File, h *tar.Header) error {
	skip, err := p.foreign(f)
	if err != nil {
		return err
	}
	h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	if err := p.tw.WriteHeader(h); err != nil || skip {
		return err
	}
	if p.layer && rootfs.IsOpaque(f) {
		if err := p.mark(path.Join(h.Name, opaqueMark)); err != nil {
			return err
		}
	}
	if p.depth++; p.depth > maxDepth {
		return &os.PathError{Op: "read", Path: h.Name, Err: errDepth}
	}
	defer func() { p.depth-- }()
	dir, err := reopen(f, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close()
	f.Close() // one descriptor for each level is enough
	for {
		names, err := dir.Readdirnames(512)
		for _, name := range names {
			if err := p.addChild(dir, name, path.Join(h.Name, name)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ENOENT) { // or it went away meanwhile
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// foreign tells whether only the place of a directory is written, because
// something else is mounted there.
func (p *packer) foreign(f *os.File) (bool, error) {
	id, err := mountID(f)
	if err != nil || id == p.mount {
		return false, err
	}
	if p.oneMount {
		return true, nil
	}
	return ofKernel(f)
}

func (p *packer) addChild(dir *os.File, name, full string) error {
	if p.keep != nil && !p.keep["/"+full] {
		return nil
	}
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil // it went away meanwhile
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: full, Err: err}
	}
	f := os.NewFile(uintptr(fd), full)
	defer f.Close()
	return p.add(f, full)
}

// id is an id as the container knows it; nobody for one that it does not.
func (p *packer) id(shown uint32) int {
	if n := shown - p.mapping.Base; n < ids {
		return int(n)
	}
	return ids - 2
}
