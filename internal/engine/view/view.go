// Package view shows the root file system of a container that does not run,
// so that files can be copied out of it and into it.
//
// The view is mounted nowhere: it exists as one descriptor and is gone when
// that closes, whatever happens to the process. Files carry the container's
// own ids in it.
package view

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Open merges the layers, the topmost first, below upper, which receives what
// is written. With an empty upper the view is read-only.
func Open(lower []string, upper, work string) (*os.File, error) {
	if upper == "" && len(lower) == 1 {
		return os.Open(lower[0]) // nothing to merge, and overlayfs wants two layers
	}
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("view of a root file system: %w", os.NewSyscallError("fsopen", err))
	}
	defer unix.Close(fs)
	if err := configure(fs, lower, upper, work); err != nil {
		return nil, fmt.Errorf("view of a root file system: %w", err)
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, fmt.Errorf("view of a root file system: %w", os.NewSyscallError("fsconfig", err))
	}
	attributes := unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC
	if upper == "" {
		attributes |= unix.MOUNT_ATTR_RDONLY
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attributes)
	if err != nil {
		return nil, fmt.Errorf("view of a root file system: %w", os.NewSyscallError("fsmount", err))
	}
	return os.NewFile(uintptr(fd), "container root"), nil
}

func configure(fs int, lower []string, upper, work string) error {
	if err := setLower(fs, lower); err != nil {
		return err
	}
	// Redirects and metacopies are instructions that a hostile layer could carry.
	options := [][2]string{{"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}}
	if upper != "" {
		options = append(options, [2]string{"upperdir", upper}, [2]string{"workdir", work})
	}
	for _, o := range options {
		if err := unix.FsconfigSetString(fs, o[0], o[1]); err != nil {
			return fmt.Errorf("overlay option %s: %w", o[0], err)
		}
	}
	return nil
}

// setLower appends layer by layer; kernels before 6.8 take them in one string.
func setLower(fs int, lower []string) error {
	for i, dir := range lower {
		err := unix.FsconfigSetString(fs, "lowerdir+", dir)
		if i == 0 && errors.Is(err, unix.EINVAL) {
			return unix.FsconfigSetString(fs, "lowerdir", strings.Join(lower, ":"))
		}
		if err != nil {
			return fmt.Errorf("layer %s: %w", dir, err)
		}
	}
	return nil
}
