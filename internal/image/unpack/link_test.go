package unpack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLink: files are shared, directories are as they were, and what gives rights is a copy that does not.
func TestLink(t *testing.T) {
	root(t)
	from, to := t.TempDir(), t.TempDir()
	make := func(path string, mode os.FileMode, uid int) {
		t.Helper()
		path = filepath.Join(from, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chown(path, uid, uid), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	make("d/plain", 0o640, 7)
	make("bin/setuid", os.ModeSetuid|0o755, 0)
	if err := errors.Join(
		os.Symlink("/etc", filepath.Join(from, "link")),
		unix.Mknod(filepath.Join(from, "d/gone"), unix.S_IFCHR, 0),
		unix.Setxattr(filepath.Join(from, "d"), opaque, []byte("y"), 0),
		os.Chmod(filepath.Join(from, "d"), 0o711|os.ModeSticky), os.Chown(filepath.Join(from, "d"), 3, 4),
		os.Chtimes(filepath.Join(from, "d"), time.Unix(5, 0), time.Unix(5, 0)),
	); err != nil {
		t.Fatal(err)
	}
	res, err := link(t, to, from)
	if err != nil {
		t.Fatal(err)
	}
	if res.Entries != 6 {
		t.Errorf("%+v", res)
	}
	same := func(path string) bool {
		a, b := stat(t, from, path), stat(t, to, path)
		return a.Ino == b.Ino
	}
	if !same("d/plain") || !same("d/gone") || !same("link") || same("bin/setuid") {
		t.Error("files are not shared as they should be")
	}
	if st := stat(t, to, "bin/setuid"); st.Mode&0o7777 != 0o755 {
		t.Errorf("a set-user-id bit was handed on: %o", st.Mode)
	}
	st := stat(t, to, "d")
	if st.Mode&0o7777 != 0o1711 || st.Uid != 3 || st.Gid != 4 || st.Mtim.Sec != 5 {
		t.Errorf("%+v", st)
	}
	var y [2]byte
	if n, err := unix.Getxattr(filepath.Join(to, "d"), opaque, y[:]); err != nil || n != 1 || y[0] != 'y' {
		t.Errorf("the directory hides nothing any more: %v", err)
	}
}

func TestLinkLeavesItToUnpacking(t *testing.T) {
	root(t)
	for name, do := range map[string]func(dir string) error{
		"a device": func(dir string) error { return unix.Mknod(filepath.Join(dir, "sda"), unix.S_IFBLK|0o600, 8<<8) },
		"an id of the host": func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "f"), nil, 0o600), os.Chown(filepath.Join(dir, "f"), IDs, 0))
		},
	} {
		from := t.TempDir()
		if err := do(from); err != nil {
			t.Fatal(err)
		}
		if _, err := link(t, t.TempDir(), from); !errors.Is(err, ErrNotLinked) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func link(t *testing.T, to, from string) (Result, error) {
	t.Helper()
	a, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	return Link(context.Background(), a, b, Options{})
}
