package files

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLayer: what overlayfs writes down becomes what a layer writes down, and nothing that was not asked for.
func TestLayer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: marks of overlayfs are device nodes and trusted attributes")
	}
	upper := t.TempDir()
	for _, dir := range []string{"etc", "opaque", "not-asked"} {
		if err := os.Mkdir(filepath.Join(upper, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"etc/new", "etc/later", "opaque/x", "not-asked/y"} {
		if err := os.WriteFile(filepath.Join(upper, file), []byte(file), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		unix.Chmod(filepath.Join(upper, "etc/new"), 0o4755),
		unix.Mknod(filepath.Join(upper, "etc/gone"), unix.S_IFCHR, 0),
		unix.Mknod(filepath.Join(upper, "etc/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
		unix.Setxattr(filepath.Join(upper, "opaque"), "trusted.overlay.opaque", []byte("y"), 0),
	); err != nil {
		t.Fatal(err)
	}
	keep := map[string]bool{"/etc": true, "/etc/new": true, "/etc/gone": true, "/etc/null": true, "/opaque": true, "/opaque/x": true}
	var out bytes.Buffer
	if err := Layer(upper, keep, &out); err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Mode&0o6000 != 0 {
			t.Errorf("%s has the mode %o", h.Name, h.Mode)
		}
	}
	slices.Sort(names)
	want := []string{"./", "etc/", "etc/.wh.gone", "etc/new", "opaque/", "opaque/.wh..wh..opq", "opaque/x"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}
