package rootfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Bind describes one file or directory to show at a place of the caller's own, from where the OCI runtime takes it.
type Bind struct {
	// Root is a directory: absolute, clean, without symbolic links.
	Root string
	// Sub is what to show of it, as a process would see it whose root directory is Root: no symbolic link leads out
	// of it, not even one that is put there at this moment (CVE-2024-23651). Empty means Root itself.
	Sub string
	// Target is made, as a directory or as a file like what is shown. Its parent exists.
	Target string
	// UserNS and IDBase map the ids on disk to the container's, as in Config. A zero IDBase means that they are mapped.
	UserNS   int
	IDBase   uint32
	ReadOnly bool
}

// Mount shows it, without set-user-id bits and devices.
func (b Bind) Mount() error {
	if !clean(b.Target) || !clean(b.Root) {
		return &Error{"mount on", b.Target, errors.New("not an absolute, clean path")}
	}
	root, err := openDir(b.Root)
	if err != nil {
		return err
	}
	what := os.NewFile(uintptr(root), b.Root)
	defer what.Close()
	if b.Sub != "" {
		sub, err := OpenInRoot(what, b.Sub, unix.O_PATH, 0)
		if err != nil {
			return err
		}
		defer sub.Close()
		what = sub
	}
	target, err := b.place(int(what.Fd()))
	if err != nil {
		return err
	}
	defer unix.Close(target)
	mount, err := b.clone(int(what.Fd()))
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	return attach(mount, target, b.Target)
}

// place makes the target in the kind of what is shown on it.
func (b Bind) place(what int) (int, error) {
	var s unix.Stat_t
	if err := unix.Fstat(what, &s); err != nil {
		return -1, &Error{"inspect", b.Root, err}
	}
	var err error
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		err = unix.Mkdir(b.Target, 0o755)
	case unix.S_IFREG, unix.S_IFSOCK:
		err = unix.Mknod(b.Target, unix.S_IFREG|0o600, 0)
	default:
		err = errors.New("only files, directories and sockets can be shown")
	}
	if err != nil {
		return -1, &Error{"make", b.Target, err}
	}
	fd, err := unix.Open(b.Target, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &Error{"open", b.Target, err}
	}
	return fd, nil
}

// clone is a detached mount of what is shown.
func (b Bind) clone(what int) (int, error) {
	attr := uint64(unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOSUID)
	if b.ReadOnly {
		attr |= unix.MOUNT_ATTR_RDONLY
	}
	if b.IDBase != 0 {
		was, err := identify(what, b.Root)
		if err != nil {
			return -1, err
		}
		fd, err := idmapped(what, b.Root, b.UserNS, attr)
		if err != nil {
			return -1, err
		}
		if err := sameMapped(fd, b.Root, was, b.IDBase); err != nil {
			unix.Close(fd)
			return -1, err
		}
		return fd, nil
	}
	fd, err := unix.OpenTree(what, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, &Error{"copy the mount of", b.Root, err}
	}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: attr, Propagation: unix.MS_PRIVATE}); err != nil {
		unix.Close(fd)
		return -1, &Error{"protect", b.Root, err}
	}
	return fd, nil
}
