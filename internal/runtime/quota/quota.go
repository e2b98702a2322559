package quota

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Cap is how much may lie below a directory; 0 and less of either is no limit.
type Cap struct {
	Bytes  int64 // on disk
	Inodes int64 // files, directories and everything else that has a name
}

// Usage is how much lies below a directory, in the units of Cap.
type Usage struct {
	Bytes, Inodes int64
}

// FileSystem is the file system of a node's state. Its methods may be called
// at the same time from several goroutines.
type FileSystem struct {
	dir string
	// Hard says that it refuses what goes over a cap; Why says why not.
	Hard bool
	Why  string
	// Bytes and Inodes are what it holds in all; 0 inodes are without a limit.
	Bytes, Inodes int64
}

// Open looks at the file system of dir.
func Open(dir string) (*FileSystem, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("disk quotas: %w", err)
	}
	defer f.Close()
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return nil, fmt.Errorf("disk quotas: %w", &os.PathError{Op: "statfs", Path: dir, Err: err})
	}
	fs := &FileSystem{dir: dir, Bytes: int64(s.Blocks) * s.Bsize, Inodes: int64(s.Files)}
	fs.Why = lacks(f, int64(s.Type))
	fs.Hard = fs.Why == ""
	return fs, nil
}

// Free is what an ordinary user could still write.
func (fs *FileSystem) Free() (Usage, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(fs.dir, &s); err != nil {
		return Usage{}, &os.PathError{Op: "statfs", Path: fs.dir, Err: err}
	}
	return Usage{Bytes: int64(s.Bavail) * s.Bsize, Inodes: int64(s.Ffree)}, nil
}

// filesystems are the names of those that a node is likely to lie on, by the numbers of linux/magic.h.
var filesystems = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.F2FS_SUPER_MAGIC: "f2fs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlayfs", unix.TMPFS_MAGIC: "tmpfs", unix.NFS_SUPER_MAGIC: "nfs", 0x2fc12fc1: "zfs",
}

// lacks says why the kernel refuses nothing; "" when it does refuse.
func lacks(dir *os.File, magic int64) string {
	name, known := filesystems[magic]
	if !known {
		name = fmt.Sprintf("a file system of type %#x", magic)
	}
	able := magic == unix.EXT4_SUPER_MAGIC || magic == unix.XFS_SUPER_MAGIC || magic == unix.F2FS_SUPER_MAGIC
	state, err := status(dir)
	switch {
	case state&projectLimited != 0:
		if _, err := tagOf(dir); err != nil {
			return name + " does not show project numbers: " + err.Error()
		}
		return ""
	case !able:
		return name + " has no project quotas"
	case state&projectCounted != 0 || err == nil || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ESRCH):
		return name + " is mounted without prjquota"
	}
	return name + " has no project quotas here: " + err.Error()
}
