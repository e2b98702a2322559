package files

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLook(t *testing.T) {
	top := t.TempDir()
	for name, text := range map[string]string{
		"data/a/b/conf": "key = value", "programs/deep/tool": "\x7fELF....", "script/run.sh": "#!/bin/sh\n", "copied/readme": "not a program",
		"library/libx.so.1": "\x7fELF....", "file": "x",
	} {
		path := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o755)
		if filepath.Base(name) == "conf" || filepath.Base(name) == "libx.so.1" {
			mode = 0o644
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(top, "empty/inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"absolute": "/data", "out": "../../../../etc", "nowhere": "/none"} {
		if err := os.Symlink(target, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.Open(top)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]Content{
		"/data": Data, "/programs": Programs, "/script": Programs, "/copied": Data, "/library": Programs, "/empty": Empty,
		"/file": NoDirectory, "/none": Missing, "/file/x": Missing, "/absolute": Data, "/": Programs,
		"/out": NoDirectory, // resolved inside the root, where there is no /etc
	} {
		if got := Look(root, name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}
