package files

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// finish sets the owner, mode and time of what was made. Set-user-id and
// set-group-id bits are not taken in from outside.
func (u *unpacker) finish(f *os.File, h *tar.Header) error {
	uid, gid, err := u.ids(h)
	if err != nil {
		return err
	}
	if err := f.Chown(uid, gid); err != nil {
		return err
	}
	if err := unix.Fchmod(int(f.Fd()), uint32(h.Mode)&0o1777); err != nil {
		return os.NewSyscallError("fchmod", err)
	}
	return setTime(f, h.ModTime)
}

// ids are the owner's as the mount shows them.
func (u *unpacker) ids(h *tar.Header) (uid, gid int, err error) {
	if !u.opts.KeepIDs {
		return int(u.mapping.Base), int(u.mapping.Base), nil
	}
	if h.Uid < 0 || h.Gid < 0 || h.Uid >= ids || h.Gid >= ids {
		return 0, 0, fmt.Errorf("owner %d:%d is not among the container's %d ids", h.Uid, h.Gid, ids)
	}
	return int(u.mapping.Base) + h.Uid, int(u.mapping.Base) + h.Gid, nil
}

// The times that every file system can keep, in seconds.
var (
	firstTime = time.Unix(-1<<31, 0)
	lastTime  = time.Unix(1<<34, 0)
)

// setTime sets when a file was changed; a time that no file system can keep
// is left out.
func setTime(f *os.File, t time.Time) error {
	if t.IsZero() || t.Before(firstTime) || t.After(lastTime) {
		return nil
	}
	ts := unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
	err := unix.UtimesNanoAt(unix.AT_FDCWD, fdPath(f), []unix.Timespec{ts, ts}, 0)
	return os.NewSyscallError("utimensat", err)
}

// later remembers a directory's time for the end.
func (u *unpacker) later(h *tar.Header) {
	if len(u.times) < maxTimes && !h.ModTime.IsZero() {
		u.times = append(u.times, h)
	}
}

// setTimes gives directories their times, now that nothing is put in any more.
func (u *unpacker) setTimes() error {
	var failed error
	for _, h := range u.times {
		f, err := u.resolve(h.Name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			continue // the container removed it
		}
		if err == nil {
			err = errors.Join(setTime(f, h.ModTime), f.Close())
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
