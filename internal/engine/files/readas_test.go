package files

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What the kernel would not show to somebody is not read for them; the same as root is the twin.
func TestReadAs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it takes the rights of others")
	}
	dir := t.TempDir()
	for at := dir; at != "/tmp" && at != "/"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string, uid, gid int, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte("text"), 0o600), os.Chown(path, uid, gid), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	mine, groups, roots := file("mine", 1000, 1000, 0o400), file("groups", 0, 2000, 0o640), file("roots", 0, 0, 0o600)
	link, fifo := filepath.Join(dir, "link"), filepath.Join(dir, "fifo")
	if err := errors.Join(os.Symlink(roots, link), syscall.Mkfifo(fifo, 0o666)); err != nil {
		t.Fatal(err)
	}
	user, member, root := Reader{UID: 1000, GID: 1000}, Reader{UID: 1001, GID: 1001, Groups: []uint32{2000}}, Reader{}
	for _, x := range []struct {
		who  Reader
		path string
		ok   bool
	}{
		{user, mine, true}, {member, mine, false}, {root, mine, true},
		{user, groups, false}, {member, groups, true},
		{user, roots, false}, {user, link, false}, {root, roots, true}, {root, link, false},
		{root, fifo, false}, {root, dir, false}, {root, "/proc/self/environ", false}, {user, "/proc/self/status", false},
		{root, "/proc/self/fd/0", false}, {root, "/sys/kernel/notes", false}, {root, filepath.Join(dir, "absent"), false},
	} {
		data, _, err := ReadAs(x.who, x.path, 100)
		if (err == nil) != x.ok || x.ok && string(data) != "text" {
			t.Errorf("uid %d reads %s: %q, %v", x.who.UID, x.path, data, err)
		}
	}
	var large *TooLargeError
	if _, _, err := ReadAs(root, mine, 3); !errors.As(err, &large) {
		t.Errorf("four bytes where three are allowed: %v", err)
	}
	if _, err := os.ReadFile(roots); err != nil {
		t.Errorf("the rights of others stay with this process: %v", err)
	}
}

func TestReadRegular(t *testing.T) {
	pack := func(headers ...tar.Header) *bytes.Buffer {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(make([]byte, h.Size)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return &b
	}
	reg := func(name string, size int64) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o4755}
	}
	got, err := ReadRegular(pack(tar.Header{Typeflag: tar.TypeDir, Name: "d/"}, reg("/d/./a", 5), reg("b", 5)), 2, 10)
	if err != nil || len(got) != 2 || got[0].Name != "d/a" || got[0].Mode != 0o755 || len(got[1].Data) != 5 {
		t.Errorf("read %+v, %v", got, err)
	}
	for name, archive := range map[string]*bytes.Buffer{
		"too many":  pack(reg("a", 1), reg("b", 1), reg("c", 1)),
		"too large": pack(reg("a", 6), reg("b", 5)),
		"a link":    pack(tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "/etc/shadow"}),
		"a device":  pack(tar.Header{Typeflag: tar.TypeChar, Name: "n"}),
		"dot dot":   pack(reg("a/../../b", 1)),
		"cut off":   bytes.NewBuffer(pack(reg("a", 5)).Bytes()[:514]),
		"no tar":    bytes.NewBufferString("this is not an archive at all, and long enough to be looked at as one................................"),
	} {
		if got, err := ReadRegular(archive, 2, 10); err == nil {
			t.Errorf("%s is read: %+v", name, got)
		}
	}
}
