package rootfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// retries bounds how often an open is tried again while directories move
// under it (openat2 answers EAGAIN then): a container that renames without
// pause gets an error, not a host thread that spins for it.
const retries = 64

// OpenInRoot opens path as a process whose root directory is root would see
// it: absolute symbolic links and ".." stay inside, magic links are refused.
// flags are those of open(2); O_CLOEXEC is added.
func OpenInRoot(root *os.File, path string, flags int, mode uint32) (*os.File, error) {
	return openat2(root, path, flags, mode, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
}

// OpenBeneath opens path below dir. A symbolic link anywhere in path, ".."
// that leads above dir, and a mount on the way are errors.
func OpenBeneath(dir *os.File, path string, flags int, mode uint32) (*os.File, error) {
	return openat2(dir, path, flags, mode,
		unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_MAGICLINKS|unix.RESOLVE_NO_XDEV)
}

func openat2(dir *os.File, path string, flags int, mode uint32, resolve uint64) (*os.File, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: resolve}
	if flags&(unix.O_CREAT|unix.O_TMPFILE) != 0 {
		how.Mode = uint64(mode)
	}
	var err error
	for range retries {
		var fd int
		fd, err = unix.Openat2(int(dir.Fd()), path, &how)
		if err == nil {
			return os.NewFile(uintptr(fd), path), nil
		}
		if err != unix.EAGAIN && err != unix.EINTR {
			break
		}
	}
	return nil, &Error{"open", path, err}
}

// fdPath names what a descriptor refers to; opening it opens exactly that.
func fdPath(fd int) string { return "/proc/self/fd/" + itoa(fd) }
