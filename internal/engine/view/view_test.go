package view

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"golang.org/x/sys/unix"
)

func layer(t *testing.T, top, name string, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(top, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range files {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, root *os.File, path string) string {
	t.Helper()
	f, err := rootfs.OpenInRoot(root, path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 64)
	n, _ := f.Read(buf)
	return string(buf[:n])
}

func TestOpen(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting overlayfs needs root")
	}
	top := t.TempDir()
	low := layer(t, top, "low", map[string]string{"a": "low a", "b": "low b"})
	high := layer(t, top, "high", map[string]string{"a": "high a"})
	upper, work := layer(t, top, "upper", nil), layer(t, top, "work", nil)

	t.Run("one layer", func(t *testing.T) {
		v, err := Open([]string{low}, "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		if got := read(t, v, "a"); got != "low a" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("the topmost wins and nothing can be written", func(t *testing.T) {
		v, err := Open([]string{high, low}, "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		if a, b := read(t, v, "a"), read(t, v, "b"); a != "high a" || b != "low b" {
			t.Errorf("got %q and %q", a, b)
		}
		if _, err := rootfs.OpenInRoot(v, "c", os.O_CREATE|os.O_WRONLY, 0o644); !errors.Is(err, unix.EROFS) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("writes go to the upper directory only", func(t *testing.T) {
		v, err := Open([]string{high, low}, upper, work)
		if err != nil {
			t.Fatal(err)
		}
		f, err := rootfs.OpenInRoot(v, "a", os.O_TRUNC|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.WriteString("new")
		f.Close()
		v.Close()
		up, _ := os.ReadFile(filepath.Join(upper, "a"))
		down, _ := os.ReadFile(filepath.Join(high, "a"))
		if string(up) != "new" || string(down) != "high a" {
			t.Errorf("upper has %q, the layer %q", up, down)
		}
	})
}
