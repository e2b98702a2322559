package imagetest

import (
	"archive/tar"
	"bytes"
	"strings"
	"time"
)

// epoch is the modification time of every file that names no other, so that equal input gives equal digests.
var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// File is one entry of a tar. Only Name is needed: a name that ends in "/" is a directory, all others are regular files.
type File struct {
	Name string
	// Type is a tar type flag; 0 lets Name decide.
	Type byte
	// Mode is the permission bits with setuid, setgid and sticky as in tar; 0 means 0755 for directories, else 0644.
	Mode     int64
	UID, GID int
	Body     []byte
	// Link is the target of a symbolic or hard link.
	Link string
	// Xattrs are extended attributes by full name, for example "user.note".
	Xattrs map[string]string
	// Time is the modification time; zero means a fixed moment in 2024.
	Time time.Time
	// Edit, when set, has the last word on the header.
	Edit func(*tar.Header)
}

// Dir is a directory with mode 0755.
func Dir(name string) File { return File{Name: strings.TrimSuffix(name, "/") + "/"} }

// Reg is a regular file with mode 0644.
func Reg(name, body string) File { return File{Name: name, Body: []byte(body)} }

// Exec is a regular file with mode 0755.
func Exec(name string, body []byte) File { return File{Name: name, Body: body, Mode: 0o755} }

// Symlink is a symbolic link.
func Symlink(name, target string) File { return File{Name: name, Type: tar.TypeSymlink, Link: target} }

// Hardlink is a hard link.
func Hardlink(name, target string) File { return File{Name: name, Type: tar.TypeLink, Link: target} }

// header is the tar header of the entry.
func (f File) header() *tar.Header {
	h := &tar.Header{
		Name: f.Name, Typeflag: f.Type, Mode: f.Mode, Uid: f.UID, Gid: f.GID, Linkname: f.Link, ModTime: f.Time, Format: tar.FormatPAX,
	}
	if h.Typeflag == 0 {
		h.Typeflag = tar.TypeReg
		if strings.HasSuffix(f.Name, "/") {
			h.Typeflag = tar.TypeDir
		}
	}
	if h.Mode == 0 {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeDir {
			h.Mode = 0o755
		}
	}
	if h.Typeflag == tar.TypeReg {
		h.Size = int64(len(f.Body))
	}
	if h.ModTime.IsZero() {
		h.ModTime = epoch
	}
	for k, v := range f.Xattrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+k] = v
	}
	if f.Edit != nil {
		f.Edit(h)
	}
	return h
}

// Tar writes the entries in the given order, hostile ones too. It panics when a header cannot be written at all, which is a
// mistake in the test.
func Tar(files ...File) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := f.header()
		if err := w.WriteHeader(h); err != nil {
			panic("imagetest: " + f.Name + ": " + err.Error())
		}
		if h.Size > 0 {
			if _, err := w.Write(f.Body); err != nil {
				panic("imagetest: " + f.Name + ": " + err.Error())
			}
		}
	}
	if err := w.Close(); err != nil {
		panic("imagetest: " + err.Error())
	}
	return buf.Bytes()
}
