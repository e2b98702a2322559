package archive

import (
	"archive/tar"
	"bytes"
	"strings"
	"time"
)

// Entry is one entry of a layer or an archive.
type Entry struct {
	// Name ends in a slash for a directory.
	Name string
	// Mode is the permissions, with the bits of set-user-id programs.
	Mode int64
	// Owner is both user and group.
	Owner int
	Body  []byte
	// Type is a type flag of package tar; 0 is a directory or an ordinary file, by the name.
	Type byte
	// Link is what a symbolic or hard link names.
	Link string
	// Attributes are extended attributes, by name.
	Attributes map[string]string
}

// Dir is a directory that everybody may read.
func Dir(name string) Entry { return Entry{Name: name + "/", Mode: 0o755} }

// File is an ordinary file.
func File(name, body string) Entry { return Entry{Name: name, Mode: 0o644, Body: []byte(body)} }

// Symlink is a symbolic link.
func Symlink(name, to string) Entry {
	return Entry{Name: name, Mode: 0o777, Type: tar.TypeSymlink, Link: to}
}

// Hardlink is a second name of a file.
func Hardlink(name, to string) Entry {
	return Entry{Name: name, Mode: 0o644, Type: tar.TypeLink, Link: to}
}

// Tar writes entries as they are.
func Tar(entries ...Entry) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		h := &tar.Header{Name: e.Name, Mode: e.Mode, Uid: e.Owner, Gid: e.Owner, Typeflag: e.Type, Linkname: e.Link, ModTime: time.Unix(0, 0)}
		switch {
		case e.Type == 0 && strings.HasSuffix(e.Name, "/"):
			h.Typeflag = tar.TypeDir
		case e.Type == 0:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(e.Body))
		case e.Type == tar.TypeChar || e.Type == tar.TypeBlock:
			h.Devmajor, h.Devminor = 1, 3
		}
		for name, value := range e.Attributes {
			if h.PAXRecords == nil {
				h.PAXRecords = map[string]string{}
			}
			h.PAXRecords["SCHILY.xattr."+name] = value
		}
		_ = w.WriteHeader(h) // into memory
		if h.Size > 0 {
			_, _ = w.Write(e.Body)
		}
	}
	_ = w.Close()
	return out.Bytes()
}
