package rootfs

import (
	"errors"

	"golang.org/x/sys/unix"
)

var noLinks = &unix.OpenHow{
	Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
	Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
}

// openDir opens a directory of the host; a symbolic link anywhere is an error.
func openDir(path string) (int, error) {
	fd, err := unix.Openat2(unix.AT_FDCWD, path, noLinks)
	if err != nil {
		return -1, &Error{"open directory", path, err}
	}
	return fd, nil
}

// identity is what tells one directory from another.
type identity struct {
	dev, mount, ino uint64
	uid             uint32
}

func identify(fd int, path string) (identity, error) {
	var s unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_UID|unix.STATX_MNT_ID, &s)
	if err != nil {
		return identity{}, &Error{"inspect", path, err}
	}
	return identity{unix.Mkdev(s.Dev_major, s.Dev_minor), s.Mnt_id, s.Ino, s.Uid}, nil
}

// idmapped returns a detached copy of the mount that dir lies in, with dir as
// its root, on which the ids on disk appear as the user namespace maps them.
func idmapped(dir int, path string, userNS int, attr uint64) (int, error) {
	fd, err := unix.OpenTree(dir, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, &Error{"copy the mount of", path, err}
	}
	err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{
		Attr_set:    unix.MOUNT_ATTR_IDMAP | attr,
		Propagation: unix.MS_PRIVATE,
		Userns_fd:   uint64(userNS),
	})
	if err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EINVAL) {
			err = errNoIdmap
		}
		return -1, &Error{"map the ids of", path, err}
	}
	return fd, nil
}

var errNoIdmap = errors.New("this file system has no idmapped mounts on this kernel; keep it on ext4, xfs or btrfs with Linux 5.19 or newer")

// sameMapped checks that fd shows the directory that was is, with its owner
// shifted to base. It is what makes a mount that is not idmapped an error.
func sameMapped(fd int, path string, was identity, base uint32) error {
	now, err := identify(fd, path)
	if err != nil {
		return err
	}
	if now.dev != was.dev || now.ino != was.ino {
		return &Error{"find again", path, errors.New("another directory took its place")}
	}
	if was.uid >= IDs {
		return &Error{"use layer", path, errors.New("its owner on disk is outside of the ids 0 to 65535")}
	}
	if now.uid != base+was.uid {
		return &Error{"map the ids of", path, errors.New("the user namespace maps to another range than the container's")}
	}
	return nil
}
