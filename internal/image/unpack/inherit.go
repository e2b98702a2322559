package unpack

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// Inherit gives the implied directories of an applied layer the owner, mode and time that they have in the layers below
// (lowers, top first), and refuses a layer whose files lie behind something that is no directory there: a symbolic link
// of an earlier layer is never a way to anywhere. Directories that no layer has stay 0755 and owned by 0:0.
func Inherit(ctx context.Context, dir *os.File, implied []string, lowers []*os.File) error {
	defer runtime.KeepAlive(dir)
	defer runtime.KeepAlive(lowers)
	for _, path := range implied {
		if err := ctx.Err(); err != nil {
			return err
		}
		if hidden, err := behindOpaque(int(dir.Fd()), path); err != nil || hidden {
			if err != nil {
				return err
			}
			continue
		}
		st, err := findBelow(path, lowers)
		if err != nil {
			return err
		}
		if st == nil {
			continue
		}
		fd, err := openBeneath(int(dir.Fd()), path, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return disk("open", path, err)
		}
		err = setAttrs(fd, &attrs{path: path, mode: st.Mode & 0o7777, uid: int(st.Uid), gid: int(st.Gid), mtime: st.Mtim})
		_ = unix.Close(fd)
		if err != nil {
			return err
		}
	}
	return nil
}

// behindOpaque reports whether the layer itself hides what lower layers have at path.
func behindOpaque(root int, path string) (bool, error) {
	for i := range path {
		if path[i] != '/' {
			continue
		}
		fd, err := openBeneath(root, path[:i], unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return false, disk("open", path, err)
		}
		hides := isOpaque(fd)
		_ = unix.Close(fd)
		if hides {
			return true, nil
		}
	}
	return false, nil
}

// isOpaque reports whether a directory hides its namesakes in lower layers.
func isOpaque(fd int) bool {
	var value [2]byte
	n, err := unix.Fgetxattr(fd, opaque, value[:])
	return err == nil && n == 1 && value[0] == 'y'
}

// findBelow looks path up in the merged lower layers; nil when it is not there.
func findBelow(path string, lowers []*os.File) (*unix.Stat_t, error) {
	for _, lower := range lowers {
		st, hides, err := findIn(int(lower.Fd()), path)
		if err != nil || st != nil || hides {
			return st, err
		}
	}
	return nil, nil
}

// findIn looks path up in one layer. hides says that layers below it have no say.
func findIn(root int, path string) (found *unix.Stat_t, hides bool, err error) {
	at := root
	defer func() {
		if at != root {
			_ = unix.Close(at)
		}
	}()
	parts := strings.Split(path, "/")
	for i, part := range parts {
		var st unix.Stat_t
		err := unix.Fstatat(at, part, &st, unix.AT_SYMLINK_NOFOLLOW)
		switch {
		case errors.Is(err, unix.ENOENT):
			return nil, hides, nil
		case err != nil:
			return nil, false, disk("look below", path, err)
		case isWhiteout(&st):
			return nil, true, nil
		case st.Mode&unix.S_IFMT != unix.S_IFDIR && i < len(parts)-1:
			return nil, true, nil
		case st.Mode&unix.S_IFMT == unix.S_IFLNK:
			return nil, false, hostile.Refuse("symlink-earlier-layer", path, "files are put through it, and an earlier layer has it as a symbolic link")
		case st.Mode&unix.S_IFMT != unix.S_IFDIR:
			return nil, false, hostile.Refuse("file-earlier-layer", path, "files are put in it, and an earlier layer has it as something that is no directory")
		case i == len(parts)-1:
			return &st, false, nil
		}
		fd, err := openBeneath(at, part, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return nil, false, disk("look below", path, err)
		}
		if at != root {
			_ = unix.Close(at)
		}
		at = fd
		hides = hides || isOpaque(fd)
	}
	return nil, hides, nil
}
