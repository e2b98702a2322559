package jsonlog

import (
	"strconv"

	"golang.org/x/sys/unix"
)

const openFlags = unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_CLOEXEC | unix.O_NOFOLLOW

// file is the log's present file and the way to the next.
type file struct {
	path string
	max  int64
	keep int
	fd   int
	size int64
	why  string // why the last write or rotation failed
	// emptied: the file was emptied because it could not be rotated, and that
	// is not written in it yet
	emptied bool
}

func (f *file) open(path string, maxSize int64, keep int) error {
	f.path, f.max, f.keep = path, maxSize, keep
	fd, err := unix.Open(path, openFlags, 0o640)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return err
	}
	f.fd, f.size = fd, st.Size
	return nil
}

func (f *file) close() {
	unix.Close(f.fd)
	f.fd = -1
}

// over tells whether the file would be too large with pending bytes, of which
// the first entries, of held bytes, belong to it anyway. The first entry of a
// file is never too much.
func (f *file) over(held, pending int) bool {
	return f.max > 0 && f.size+int64(held) > 0 && f.size+int64(pending) > f.max
}

// write appends b wholly or not at all.
func (f *file) write(b []byte) bool {
	for done := 0; done < len(b); {
		n, err := unix.Write(f.fd, b[done:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			f.why = err.Error()
			if done > 0 {
				_ = unix.Ftruncate(f.fd, f.size)
			}
			return false
		}
		done += n
	}
	f.size += int64(len(b))
	return true
}

// rotate begins a new file. The new one is made before the old ones move. When
// that fails, the present file is emptied: a container that uses up the disk
// or its inodes must not get rid of the bound on its log.
func (f *file) rotate() {
	if f.keep > 1 {
		err := f.advance()
		if err == nil {
			return
		}
		f.why, f.emptied = err.Error(), true
	}
	if unix.Ftruncate(f.fd, 0) == nil {
		f.size = 0
	}
}

func (f *file) advance() error {
	next := f.path + ".next"
	fd, err := unix.Open(next, openFlags|unix.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	for i := f.keep - 1; i > 1; i-- {
		_ = unix.Rename(f.numbered(i-1), f.numbered(i))
	}
	err = unix.Rename(f.path, f.numbered(1))
	if err == nil {
		err = unix.Rename(next, f.path)
	}
	if err != nil {
		unix.Close(fd)
		_ = unix.Unlink(next)
		return err
	}
	unix.Close(f.fd)
	f.fd, f.size = fd, 0
	return nil
}

func (f *file) numbered(i int) string { return f.path + "." + strconv.Itoa(i) }
