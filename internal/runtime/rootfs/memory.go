package rootfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// Names in the file system that holds a writable layer in memory.
const (
	memoryUpper = "upper"
	memoryWork  = "work"
)

// memoryOptions bound what a writable layer in memory may take: mount points
// and a few small files.
var memoryOptions = [][2]string{{"mode", "0755"}, {"size", "4m"}, {"nr_inodes", "4k"}}

// inMemory makes the writable layer in memory, if that is where it belongs, in
// a tmpfs that is mounted nowhere. It is the container's alone, so that its
// files simply belong to the ids that the container has: tmpfs has idmapped
// mounts only from Linux 6.3. The calling thread keeps these ids.
func (s *layerSet) inMemory() error {
	if !s.c.Memory {
		return nil
	}
	m, err := newTmpfs(memoryOptions)
	if err != nil {
		return err
	}
	s.memory, s.opened = m, append(s.opened, m)
	if err := becomeRootOf(s.c.IDBase); err != nil {
		return err
	}
	if s.upper, err = s.mkdir(memoryUpper); err != nil {
		return err
	}
	if s.work, err = s.mkdir(memoryWork); err != nil {
		return err
	}
	top, err := unix.Openat(m, memoryUpper, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &Error{"open", "the layer in memory", err}
	}
	f := os.NewFile(uintptr(top), memoryUpper)
	defer f.Close()
	return writeFiles(f, s.c.Files)
}

func (s *layerSet) mkdir(name string) (int, error) {
	err := unix.Mkdirat(s.memory, name, 0o755)
	if err == nil {
		err = unix.Fchmodat(s.memory, name, 0o755, 0) // whatever the umask
	}
	if err != nil {
		return -1, &Error{"make the layer in memory", name, err}
	}
	fd, err := unix.Openat(s.memory, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &Error{"open the layer in memory", name, err}
	}
	s.opened = append(s.opened, fd)
	now, err := identify(fd, name)
	if err == nil && now.uid != s.c.IDBase {
		err = &Error{"give to the container's root", name, unix.EPERM}
	}
	return fd, err
}

// newTmpfs returns a new tmpfs, mounted nowhere.
func newTmpfs(options [][2]string) (int, error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, &Error{"open file system", "tmpfs", err}
	}
	defer unix.Close(fs)
	for _, o := range options {
		if err := unix.FsconfigSetString(fs, o[0], o[1]); err != nil {
			return -1, &Error{"configure tmpfs", o[0], err}
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, &Error{"create tmpfs", kernelSays(fs), err}
	}
	m, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return -1, &Error{"mount tmpfs", kernelSays(fs), err}
	}
	return m, nil
}
