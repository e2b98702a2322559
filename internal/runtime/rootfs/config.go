package rootfs

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// IDs is how many user and group ids a container has: 0..IDs-1 inside.
const IDs = 65536

// MaxLayers is the number of lower layers that Mount accepts.
const MaxLayers = 128

// Config describes one root file system to mount. All paths are absolute,
// clean and hold no symbolic link.
type Config struct {
	// Lower are the read-only layers, the topmost first; at least one.
	Lower []string `json:"lower"`
	// Upper and Work are the writable layer and overlayfs's scratch directory:
	// siblings in one directory, owned by root on disk. Both empty mean that
	// nothing can be written.
	Upper string `json:"upper,omitempty"`
	Work  string `json:"work,omitempty"`
	// Target is the directory the root is mounted on, in the caller's mount
	// namespace, which must be private.
	Target string `json:"target"`
	// UserNS is a descriptor of the container's user namespace.
	UserNS int `json:"-"`
	// IDBase is the host id of the container's id 0.
	IDBase uint32 `json:"id_base"`
	// ReadOnly makes the mount itself read-only, even when Upper is set.
	ReadOnly bool `json:"read_only,omitempty"`
	// AllowSetuid leaves set-user-id programs and file capabilities in force.
	AllowSetuid bool `json:"allow_setuid,omitempty"`
	// Volatile spares the disk: nothing written to Upper is synced, not even
	// when the mount goes away (which otherwise syncs the host's whole file
	// system). Only for an Upper that need not survive a power loss; the mount
	// itself takes a millisecond longer.
	Volatile bool `json:"volatile,omitempty"`
	// Memory puts the writable layer into memory, in place of Upper and Work:
	// what the OCI runtime makes in the root before it closes it to writing
	// (the points it mounts on) is gone with the mount. Nothing of it touches a
	// disk.
	Memory bool `json:"memory,omitempty"`
	// Files are put on top of the layers; only with Memory.
	Files []File `json:"-"`
}

func (c *Config) check() error {
	if len(c.Lower) == 0 || len(c.Lower) > MaxLayers {
		return &Error{"use an image", "", errors.New("an image must have 1 to 128 layers")}
	}
	if (c.Upper == "") != (c.Work == "") || parent(c.Upper) != parent(c.Work) {
		return &Error{"use the writable layer", c.Upper, errors.New("upper and work must be siblings")}
	}
	if c.Memory && c.Upper != "" || !c.Memory && len(c.Files) > 0 {
		return &Error{"use the writable layer", c.Upper, errors.New("it is in memory, with files, or on disk, without")}
	}
	if c.IDBase < IDs || c.IDBase > 1<<32-1-IDs {
		return &Error{"use the range of ids", "", errors.New("it must not hold the ids of the host")}
	}
	if kind, err := unix.IoctlRetInt(c.UserNS, unix.NS_GET_NSTYPE); err != nil || kind != unix.CLONE_NEWUSER {
		return &Error{"use the user namespace", "", errors.New("the descriptor is not one of a user namespace")}
	}
	for _, p := range append([]string{c.Target}, c.Lower...) {
		if !clean(p) {
			return &Error{"use", p, errors.New("not an absolute, clean path")}
		}
	}
	if c.Upper != "" && (!clean(c.Upper) || !clean(c.Work)) {
		return &Error{"use", c.Upper, errors.New("not an absolute, clean path")}
	}
	return nil
}

// frozen reports whether the root has no writable layer at all.
func (c *Config) frozen() bool { return c.Upper == "" && !c.Memory }

// clean reports whether p is absolute and free of empty, "." and ".." parts.
func clean(p string) bool {
	if len(p) < 2 || p[0] != '/' || strings.IndexByte(p, 0) >= 0 {
		return false
	}
	for part := range strings.SplitSeq(p[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// parent is the directory that p is in, "" at the top.
func parent(p string) string { return p[:max(strings.LastIndexByte(p, '/'), 0)] }

// base is the last part of p.
func base(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }

// Error says which step failed on what.
type Error struct {
	Op   string // what was attempted
	Path string // on what; may be empty
	Err  error
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Op + ": " + e.Err.Error()
	}
	return e.Op + " " + e.Path + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }
