package unpack

import (
	"archive/tar"
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// whiteout applies an entry that deletes something of the layers below (OCI image specification, layer.md).
func (a *applier) whiteout(h *tar.Header, name string) error {
	dir, base := split(name)
	if h.Typeflag != tar.TypeReg || h.Size != 0 {
		return hostile.Refuse("whiteout-type", h.Name, "a whiteout is an empty regular file, and this is not one")
	}
	if base == whiteoutOpaque {
		at, err := a.tree.dir(dir, h.Name)
		if err != nil {
			return err
		}
		return setOpaque(at, ".", h.Name)
	}
	if strings.HasPrefix(base, whiteoutMeta) {
		return hostile.Refuse("whiteout-aufs", h.Name, "it is metadata of the aufs file system, which nothing understands any more: build the image again")
	}
	hidden := strings.TrimPrefix(base, whiteoutPrefix)
	if hidden == "" || hidden == "." || hidden == ".." {
		return hostile.Refuse("whiteout-name", h.Name, "the whiteout stands for %q, which is no file name", hidden)
	}
	at, err := a.tree.dir(dir, h.Name)
	if err != nil {
		return err
	}
	err = unix.Mknodat(at, hidden, unix.S_IFCHR, 0)
	if errors.Is(err, unix.EEXIST) {
		return a.secondWhiteout(at, hidden, h)
	}
	if err != nil {
		return disk("create the whiteout", h.Name, err)
	}
	return nil
}

// secondWhiteout allows a whiteout twice, and refuses one for a file of the same layer: some readers would delete the file.
func (a *applier) secondWhiteout(at int, hidden string, h *tar.Header) error {
	var st unix.Stat_t
	if err := unix.Fstatat(at, hidden, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return disk("look at", h.Name, err)
	}
	if isWhiteout(&st) {
		return nil
	}
	return hostile.Refuse("whiteout-own-file", h.Name, "it deletes %q, which the same layer adds before it; readers differ in what that means", hidden)
}
