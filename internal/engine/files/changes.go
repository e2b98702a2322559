package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"golang.org/x/sys/unix"
)

// maxChanges bounds how much a container can make a node remember at once.
const maxChanges = 1 << 18

var errTooMany = fmt.Errorf("more than %d files differ from the image: use `bailey export`", maxChanges)

// Changes compares the upper directory of an overlay, which its container may
// be changing, with its layers, the topmost first. The result is sorted. A
// whiteout, a character device 0:0, is a deletion, and an opaque directory
// deletes what it does not have itself (overlayfs,
// Documentation/filesystems/overlayfs.rst).
func Changes(upper string, lower []string) ([]Change, error) {
	dir, err := os.OpenFile(upper, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it was never started
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	layers, err := rootfs.OpenLayers(lower)
	if err != nil {
		return nil, err
	}
	defer layers.Close()
	c := &comparison{upper: dir, layers: layers, todo: []place{{}}}
	for len(c.todo) > 0 {
		next := c.todo[0]
		c.todo = c.todo[1:]
		if err := c.dir(next); err != nil {
			return nil, fmt.Errorf("compare /%s: %w", next.path, err)
		}
	}
	slices.SortFunc(c.found, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return c.found, nil
}

// place is a directory of the upper layer that is still to be compared.
type place struct {
	path string
	// opaque: what the layers have here does not show through.
	opaque bool
}

// comparison opens one directory at a time, each anew and through no link, so
// that it holds few descriptors however deep a container nests them.
type comparison struct {
	upper  *os.File
	layers *rootfs.Layers
	todo   []place
	found  []Change
}

func (c *comparison) dir(p place) error {
	up, err := rootfs.OpenBeneath(c.upper, "./"+p.path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil // it changed meanwhile
	}
	if err != nil {
		return err
	}
	defer up.Close()
	p.opaque = p.opaque || rootfs.IsOpaque(up)
	low, err := c.layers.OpenDir(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		low, err = &rootfs.Dir{}, nil
	}
	if err != nil {
		return err
	}
	defer low.Close()
	has := make(map[string]bool)
	for {
		names, err := up.Readdirnames(512)
		for _, name := range names {
			if p.opaque {
				has[name] = true
			}
			if err := c.entry(p, up, low, name); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if p.opaque {
		return c.hidden(p, low, has)
	}
	return nil
}

// entry compares one name of the upper layer.
func (c *comparison) entry(p place, up *os.File, low *rootfs.Dir, name string) error {
	var st unix.Stat_t
	err := unix.Fstatat(int(up.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "stat", Path: name, Err: err}
	}
	known, err := low.Has(name)
	if err != nil {
		return err
	}
	full := path.Join(p.path, name)
	whiteout := kind(&st) == unix.S_IFCHR && st.Rdev == 0
	switch {
	case whiteout && known:
		return c.add(full, Deleted)
	case whiteout:
		return nil
	case kind(&st) == unix.S_IFDIR:
		if len(c.todo) >= maxChanges {
			return errTooMany
		}
		c.todo = append(c.todo, place{full, p.opaque})
	}
	if known {
		return c.add(full, Modified)
	}
	return c.add(full, Added)
}

// hidden adds what an opaque directory took away.
func (c *comparison) hidden(p place, low *rootfs.Dir, has map[string]bool) error {
	names, err := low.Names(maxChanges)
	if err != nil {
		return err
	}
	for _, name := range names {
		if has[name] {
			continue
		}
		if err := c.add(path.Join(p.path, name), Deleted); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) add(name string, k Kind) error {
	if len(c.found) >= maxChanges {
		return errTooMany
	}
	c.found = append(c.found, Change{Path: "/" + name, Kind: k})
	return nil
}
