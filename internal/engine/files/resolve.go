package files

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"golang.org/x/sys/unix"
)

// maxDepth is how many directories inside each other are read. Each is an
// open descriptor of the node, and a container can nest them without end.
const maxDepth = 512

var errDepth = fmt.Errorf("directories are nested deeper than %d", maxDepth)

// open resolves a path inside the root. A trailing "/" or "/." asks for what
// a link at the end points to, which must be a directory.
func open(root *os.File, name string) (*os.File, error) {
	flags := unix.O_PATH | unix.O_NOFOLLOW
	if contents(name) || strings.HasSuffix(name, "/") {
		flags = unix.O_PATH | unix.O_DIRECTORY
	}
	return rootfs.OpenInRoot(root, inside(name), flags, 0)
}

// contents says that not the directory itself is meant but what it holds.
func contents(name string) bool { return name == "." || strings.HasSuffix(name, "/.") }

// inside makes a client's path one that is relative to the root.
func inside(name string) string {
	return "." + path.Clean("/"+name)
}

func base(name string) string { return path.Base(path.Clean("/" + name)) }

// reopen opens what an O_PATH descriptor stands for, and nothing else. It was
// looked at before, so this is no FIFO or device that would block or act.
func reopen(f *os.File, flags int) (*os.File, error) {
	fd, err := unix.Open(fdPath(f), flags|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: f.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func fdPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

func fstat(f *os.File) (st unix.Stat_t, err error) {
	if err = unix.Fstat(int(f.Fd()), &st); err != nil {
		err = &os.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return st, err
}

func kind(st *unix.Stat_t) uint32 { return st.Mode & unix.S_IFMT }

// errKernel is the answer to copying from or to /proc, /sys and their like.
var errKernel = errors.New("it is the kernel's and no file of the container: use `bailey exec` to look at it")

const configfsMagic = 0x62656570 // CONFIGFS_MAGIC of linux/magic.h

// kernels are the file systems that are interfaces of the kernel.
var kernels = map[int64]bool{
	unix.PROC_SUPER_MAGIC: true, unix.SYSFS_MAGIC: true, unix.CGROUP_SUPER_MAGIC: true, unix.CGROUP2_SUPER_MAGIC: true,
	unix.DEBUGFS_MAGIC: true, unix.TRACEFS_MAGIC: true, unix.SECURITYFS_MAGIC: true, unix.BPF_FS_MAGIC: true,
	unix.EFIVARFS_MAGIC: true, unix.PSTOREFS_MAGIC: true, unix.SELINUX_MAGIC: true, unix.NSFS_MAGIC: true,
	unix.DEVPTS_SUPER_MAGIC: true, unix.BINFMTFS_MAGIC: true, configfsMagic: true, unix.SMACK_MAGIC: true,
}

// ofKernel tells whether a file is the kernel's.
func ofKernel(f *os.File) (bool, error) {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return false, &os.PathError{Op: "statfs", Path: f.Name(), Err: err}
	}
	return kernels[int64(s.Type)], nil
}
