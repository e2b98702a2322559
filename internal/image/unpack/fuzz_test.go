package unpack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// FuzzApply unpacks anything and looks whether it stayed where it belongs, and whether what it made is harmless.
func FuzzApply(f *testing.F) {
	for _, data := range hostileLayers() {
		if len(data) < 1<<16 {
			f.Add(data)
		}
	}
	f.Add(imagetest.Tar(imagetest.Dir("d"), imagetest.Reg("d/f", "x"), imagetest.Hardlink("h", "d/f"), imagetest.Symlink("s", "/etc"), imagetest.Reg(".wh.w", "")))
	f.Fuzz(func(t *testing.T, data []byte) {
		root(t)
		jail := t.TempDir()
		inside := filepath.Join(jail, "layer")
		if err := errors.Join(os.Mkdir(inside, 0o700), os.Mkdir(filepath.Join(jail, "etc"), 0o700)); err != nil {
			t.Fatal(err)
		}
		dir, err := os.Open(inside)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = dir.Close() }()
		opts := Options{LayerBytes: 1 << 20, Budget: &Budget{MaxEntries: 100, MaxBytes: 1 << 20}}
		_, err = Apply(context.Background(), dir, bytes.NewReader(data), opts)
		if names, _ := os.ReadDir(jail); len(names) != 2 {
			t.Fatalf("%d names beside the layer", len(names))
		}
		if names, _ := os.ReadDir(filepath.Join(jail, "etc")); len(names) != 0 {
			t.Fatal("something was written outside of the layer")
		}
		if err == nil {
			checkTree(t, inside)
		}
	})
}

// checkTree refuses devices other than whiteouts, set-id files, owners out of range and attributes that steer the overlay.
func checkTree(t *testing.T, dir string) {
	_ = filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		st := stat(t, path)
		kind := st.Mode & unix.S_IFMT
		switch {
		case (kind == unix.S_IFCHR || kind == unix.S_IFBLK) && !isWhiteout(&st):
			t.Errorf("%s is a device %x", path, st.Rdev)
		case kind == unix.S_IFREG && st.Mode&0o6000 != 0:
			t.Errorf("%s is %o", path, st.Mode)
		case st.Uid >= IDs || st.Gid >= IDs:
			t.Errorf("%s belongs to %d:%d", path, st.Uid, st.Gid)
		}
		names := make([]byte, 64<<10)
		n, _ := unix.Llistxattr(path, names)
		for name := range strings.SplitSeq(string(names[:max(n, 0)]), "\x00") {
			if name != "" && name != opaque && (!strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "user.overlay.")) {
				t.Errorf("%s has attribute %s", path, name)
			}
		}
		return nil
	})
}

// FuzzCleanName checks that what passes is relative, clean and short.
func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"a", "./a/", "a//b", "../a", "/a", "a/..", "a\x00b", ".", "./", "", "a/./b", "..a/b.."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean, err := CleanName(name)
		if err != nil {
			return
		}
		if clean != filepath.Clean(name) || !filepath.IsLocal(clean) || len(clean) > maxPath || strings.Contains(clean, "\x00") {
			t.Errorf("%q became %q", name, clean)
		}
		if again, err := CleanName(clean); err != nil || again != clean {
			t.Errorf("%q is not stable: %q %v", clean, again, err)
		}
	})
}

// FuzzDecompress checks that broken data ends in an error and never in more than the ratio allows.
func FuzzDecompress(f *testing.F) {
	f.Add(imagetest.Gzip([]byte("x")))
	f.Add(imagetest.Zstd([]byte("x")))
	f.Add([]byte("plain"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, _, err := Decompress(bytes.NewReader(data), Ratio{Max: 10, Free: 1 << 16})
		if err != nil {
			return
		}
		defer func() { _ = r.Close() }()
		n, _ := io.Copy(io.Discard, r)
		if n > max(1<<16, int64(len(data))*10)+blockSize {
			t.Errorf("%d bytes came out of %d", n, len(data))
		}
	})
}
