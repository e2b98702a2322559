package rootfs

import "golang.org/x/sys/unix"

// Volume describes one directory or file to show at another place with the
// ids of a container.
type Volume struct {
	Source   string // absolute; a symbolic link anywhere in it is an error
	UserNS   int    // descriptor of the container's user namespace
	ReadOnly bool
	Exec     bool // allow programs to be executed
	Dev      bool // allow device nodes
	Suid     bool // honour set-user-id bits
}

// Clone returns a descriptor of a detached idmapped mount of v.Source: on it
// the ids on disk 0..65535 appear as the container's. File systems mounted
// below the source are not part of it.
func Clone(v Volume) (int, error) {
	how := *noLinks
	how.Flags &^= unix.O_DIRECTORY
	fd, err := unix.Openat2(unix.AT_FDCWD, v.Source, &how)
	if err != nil {
		return -1, &Error{"open", v.Source, err}
	}
	defer unix.Close(fd)
	var attr uint64
	for _, a := range []struct {
		on   bool
		attr uint64
	}{
		{v.ReadOnly, unix.MOUNT_ATTR_RDONLY},
		{!v.Exec, unix.MOUNT_ATTR_NOEXEC},
		{!v.Dev, unix.MOUNT_ATTR_NODEV},
		{!v.Suid, unix.MOUNT_ATTR_NOSUID},
	} {
		if a.on {
			attr |= a.attr
		}
	}
	return idmapped(fd, v.Source, v.UserNS, attr)
}

// Attach puts a detached mount on target, in which no symbolic link is followed.
func Attach(mount int, target string) error {
	how := *noLinks
	how.Flags &^= unix.O_DIRECTORY
	fd, err := unix.Openat2(unix.AT_FDCWD, target, &how)
	if err != nil {
		return &Error{"open", target, err}
	}
	defer unix.Close(fd)
	return attach(mount, fd, target)
}
