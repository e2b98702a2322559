package unpack

import (
	"archive/tar"
	"errors"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// opaque is the attribute with which overlayfs hides a lower directory's content (kernel: filesystems/overlayfs.rst).
const opaque = "trusted.overlay.opaque"

// xattrRecord is how PAX headers carry extended attributes, as GNU tar and Docker write them.
const xattrRecord = "SCHILY.xattr."

// setAttrs sets owner, mode, attributes and time of an open file; in this order, for chown clears setuid bits and all others
// change the time.
func setAttrs(fd int, a *attrs) error {
	if err := unix.Fchown(fd, a.uid, a.gid); err != nil {
		return disk("set the owner", a.path, err)
	}
	if err := unix.Fchmod(fd, a.mode); err != nil {
		return disk("set the mode", a.path, err)
	}
	for key, value := range a.xattrs {
		if err := setXattr(fd, a.path, key, value); err != nil {
			return err
		}
	}
	if a.implied {
		return nil
	}
	times := [2]unix.Timespec{a.mtime, a.mtime}
	if err := futimens(fd, &times); err != nil {
		return disk("set the time", a.path, err)
	}
	return nil
}

// setXattr sets one attribute that xattrs let through.
func setXattr(fd int, name, key, value string) error {
	err := unix.Fsetxattr(fd, key, []byte(value), 0)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.E2BIG) || errors.Is(err, unix.ERANGE) {
		return hostile.Refuse("xattr-too-large", name, "the file system has no room for its attribute %q of %d bytes", key, len(value))
	}
	if err != nil {
		return disk("set attribute "+key, name, err)
	}
	return nil
}

// xattrs picks the attributes of an entry that may be set. What would steer overlayfs is refused; what would give rights
// (file capabilities) or means something to the host (security.*, trusted.*, system.*) is dropped and counted.
func (a *applier) xattrs(h *tar.Header) (map[string]string, error) {
	var kept map[string]string
	count := 0
	for record, value := range h.PAXRecords {
		key, ok := strings.CutPrefix(record, xattrRecord)
		if !ok {
			continue
		}
		if count++; count > maxXattrs || len(key) > maxName || len(value) > maxXattr {
			return nil, hostile.Refuse("xattr-too-large", h.Name, "it has more than %d extended attributes, or one with more than %d bytes of name or %d of value", maxXattrs, maxName, maxXattr)
		}
		switch {
		case strings.HasPrefix(key, "trusted.overlay."), strings.HasPrefix(key, "user.overlay."):
			return nil, hostile.Refuse("xattr-overlay", h.Name, "its attribute %q would steer the overlay file system", key)
		case key == "security.capability":
			a.res.Warnings.Capabilities++
		case strings.HasPrefix(key, "user.") && (h.Typeflag == tar.TypeReg || h.Typeflag == tar.TypeDir):
			if kept == nil {
				kept = map[string]string{}
			}
			kept[key] = value
		default:
			a.res.Warnings.Xattrs++
		}
	}
	return kept, nil
}

// mode is the permission bits of an entry. Setuid and setgid are dropped from files unless they are asked for; on directories
// setgid only hands on the group.
func (a *applier) mode(h *tar.Header) uint32 {
	mode := uint32(h.Mode) & 0o7777
	if h.Typeflag == tar.TypeReg && mode&0o6000 != 0 && !a.opts.KeepSetID {
		a.res.Warnings.SetID++
		mode &^= 0o6000
	}
	return mode
}

// timespec is t for the kernel. It does not go through nanoseconds since 1970, which overflow in 2262.
func timespec(t time.Time) unix.Timespec {
	if t.IsZero() {
		return unix.Timespec{}
	}
	return unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
}
