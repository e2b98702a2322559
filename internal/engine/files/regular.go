package files

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
)

// Regular is a regular file of an archive.
type Regular struct {
	Name     string // clean, without a leading slash
	Mode     uint32 // permission bits
	UID, GID uint32
	Data     []byte
}

// ReadRegular reads the regular files of an archive (tar, plain or compressed with gzip or zstd) into memory: at most count of
// them with limit bytes together, else a *TooLargeError. Directories are left out, anything else is an error.
func ReadRegular(r io.Reader, count int, limit int64) ([]Regular, error) {
	plain, err := decompress(r)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	tr := tar.NewReader(plain)
	var out []Regular
	for left := limit; ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("archive: %w", err)
		}
		switch h.Typeflag {
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		case tar.TypeReg:
		default:
			return nil, fmt.Errorf("archive entry %q: only files and directories are taken before the start", h.Name)
		}
		if hasDotDot(h.Name) {
			return nil, fmt.Errorf("archive entry %q: %w", h.Name, errDotDot)
		}
		if h.Size > left || len(out) == count {
			return nil, &TooLargeError{Name: h.Name, Limit: limit}
		}
		data, err := io.ReadAll(io.LimitReader(tr, left))
		if err != nil {
			return nil, fmt.Errorf("archive entry %q: %w", h.Name, err)
		}
		left -= int64(len(data))
		out = append(out, Regular{Name: path.Clean("/" + h.Name)[1:], Mode: uint32(h.Mode) & 0o777, UID: uint32(h.Uid), GID: uint32(h.Gid), Data: data})
	}
}
