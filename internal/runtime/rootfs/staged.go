package rootfs

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountStaged is for kernels from 5.19 that do not take every layer by
// descriptor. The idmapped copies are attached inside a small tmpfs, named by
// short relative paths in one mount(2) call (whose options fit in a page), and
// the tmpfs goes away again: overlayfs keeps its own copies.
func mountStaged(c *Config, target int) error {
	set, err := openLayers(c, false)
	if err != nil {
		return err
	}
	defer set.close()
	if err := set.inMemory(); err != nil {
		return err
	}
	if err := enterStage(c, target); err != nil {
		return err
	}
	overlay, err := overlayOnStage(c, set)
	if e := unix.Unmount(c.Target, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); e != nil && err == nil {
		unix.Close(overlay)
		return &Error{"take down the stage on", c.Target, e}
	}
	if err != nil {
		return err
	}
	defer unix.Close(overlay)
	return attach(overlay, target, c.Target)
}

// enterStage mounts a tmpfs on the target and makes it this thread's working
// directory.
func enterStage(c *Config, target int) error {
	m, err := newTmpfs([][2]string{{"mode", "0700"}})
	if err != nil {
		return err
	}
	defer unix.Close(m)
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return &Error{"have a working directory of its own", "", err}
	}
	if err := attach(m, target, c.Target); err != nil {
		return err
	}
	if err := unix.Fchdir(m); err != nil {
		_ = unix.Unmount(c.Target, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		return &Error{"enter the stage on", c.Target, err}
	}
	return nil
}

// overlayOnStage mounts the overlay in the working directory and returns a
// detached copy of it.
func overlayOnStage(c *Config, set *layerSet) (int, error) {
	var lower []string
	for i, fd := range set.lower {
		name := strconv.Itoa(i)
		if err := putOnStage(fd, name); err != nil {
			return -1, err
		}
		lower = append(lower, name)
	}
	options := "lowerdir=" + strings.Join(lower, ":")
	if !c.frozen() {
		more, err := writableOnStage(c, set)
		if err != nil {
			return -1, err
		}
		options += more
	}
	for _, o := range fixedOptions {
		options += "," + o[0] + "=" + o[1]
	}
	if err := unix.Mkdir("m", 0o700); err != nil {
		return -1, &Error{"make", "m", err}
	}
	if err := becomeRootOf(c.IDBase); err != nil {
		return -1, err
	}
	if err := unix.Mount("overlay", "m", "overlay", c.mountFlags(), options); err != nil {
		return -1, &Error{"mount overlay with", options, err}
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, "m", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, &Error{"copy overlay for", c.Target, err}
	}
	if err := writable(c, fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// writableOnStage puts the writable layer on the stage and returns the options that name it.
func writableOnStage(c *Config, set *layerSet) (string, error) {
	mount, upper, work := set.memory, memoryUpper, memoryWork
	if !c.Memory {
		own, ok := set.mounts[parent(c.Upper)]
		if !ok || strings.ContainsAny(base(c.Upper)+base(c.Work), `,:\`) {
			return "", &Error{"use the writable layer", c.Upper, errors.New("it must be a plain directory of one mount")}
		}
		mount, upper, work = own.fd, base(c.Upper), base(c.Work)
	}
	if err := putOnStage(mount, "u"); err != nil {
		return "", err
	}
	options := ",upperdir=u/" + upper + ",workdir=u/" + work
	if c.Volatile {
		options += ",volatile"
	}
	return options, nil
}

func putOnStage(mount int, name string) error {
	if err := unix.Mkdir(name, 0o700); err != nil {
		return &Error{"make", name, err}
	}
	if err := unix.MoveMount(mount, "", unix.AT_FDCWD, name, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return &Error{"stage", name, err}
	}
	return nil
}

// mountFlags are attributes in the older form.
func (c *Config) mountFlags() uintptr {
	flags := uintptr(unix.MS_NODEV)
	attr := c.attributes()
	if attr&unix.MOUNT_ATTR_NOSUID != 0 {
		flags |= unix.MS_NOSUID
	}
	if attr&unix.MOUNT_ATTR_RDONLY != 0 {
		flags |= unix.MS_RDONLY
	}
	return flags
}
