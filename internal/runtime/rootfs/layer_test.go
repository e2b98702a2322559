package rootfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWriteLayer(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	dir := t.TempDir() + "/layer"
	files := []File{
		{Path: "etc/hosts", Mode: 0o644, Data: []byte("127.0.0.1 localhost\n")},
		{Path: "etc/mtab", Link: "/proc/mounts"},
		{Path: "data/deep", Dir: true, Mode: 0o1777},
	}
	for range 2 {
		if err := WriteLayer(dir, files); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(dir + "/etc/hosts")
	if err != nil || string(data) != "127.0.0.1 localhost\n" {
		t.Errorf("%q %v", data, err)
	}
	for path, want := range map[string]os.FileMode{
		"etc/hosts": 0o644, "data/deep": 0o777 | os.ModeDir | os.ModeSticky, "etc/mtab": 0o777 | os.ModeSymlink,
	} {
		info, err := os.Lstat(filepath.Join(dir, path))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, want)
		}
	}
	names, _ := os.ReadDir(dir + "/etc")
	if len(names) != 2 {
		t.Errorf("left behind: %v", names)
	}
}

func TestWriteLayerStaysInside(t *testing.T) {
	outside := tree(t, t.TempDir(), "keep")
	for name, f := range map[string]File{
		"through a link to a directory": {Path: "link/keep", Mode: 0o644, Data: []byte("x")},
		"a directory through a link":    {Path: "link", Dir: true, Mode: 0o777},
		"dots":                          {Path: "../keep", Mode: 0o644},
		"dots inside":                   {Path: "a/../../keep", Mode: 0o644},
		"absolute":                      {Path: "/etc/x", Mode: 0o644},
		"empty":                         {Path: ""},
		"a zero byte":                   {Path: "a\x00b"},
	} {
		dir := tree(t, t.TempDir())
		link(t, outside, dir+"/link")
		if err := WriteLayer(dir, []File{f}); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	// A link with the name of the file is replaced, not followed.
	dir := tree(t, t.TempDir())
	link(t, outside+"/keep", dir+"/file")
	if err := WriteLayer(dir, []File{{Path: "file", Mode: 0o600, Data: []byte("new")}}); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(outside + "/keep"); strings.Contains(string(data), "new") {
		t.Error("a file outside was written")
	}
}
