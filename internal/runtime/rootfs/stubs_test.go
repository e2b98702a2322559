package rootfs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestStubs: what the runtime made to mount on goes, what the step made stays, and the times tell nothing.
func TestStubs(t *testing.T) {
	lower, upper := t.TempDir(), t.TempDir()
	for _, dir := range []string{"etc", "real/run"} {
		if err := os.MkdirAll(filepath.Join(lower, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link(t, "real/run", filepath.Join(lower, "run"))
	old := time.Unix(1_000_000_000, 0)
	for _, path := range []string{filepath.Join(lower, "etc"), filepath.Join(lower, "real/run"), upper} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	view, err := OpenLayers([]string{upper, lower})
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	stubs, err := view.Stubs([]string{"/proc", "/etc/hosts", "/etc", "/run/secrets/a", "/run/secrets/b", "/kept/mount", "/full"})
	if err != nil {
		t.Fatal(err)
	}
	if len(stubs) != 6 { // all but /etc
		t.Fatalf("%d mount points are missing", len(stubs))
	}
	// What a run leaves in the writable layer.
	for _, dir := range []string{"proc", "etc", "real/run/secrets", "kept/mount", "full"} {
		if err := os.MkdirAll(filepath.Join(upper, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{"etc/hosts": "", "real/run/secrets/a": "", "real/run/secrets/b": "", "kept/own": "x", "full/own": "x"} {
		if err := os.WriteFile(filepath.Join(upper, path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveStubs(upper, stubs); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"proc": false, "etc/hosts": false, "real/run/secrets": false, "kept/mount": false,
		"etc": true, "kept/own": true, "full/own": true, "real/run": true,
	} {
		if _, err := os.Lstat(filepath.Join(upper, path)); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"", "etc", "real/run"} {
		if info, err := os.Stat(filepath.Join(upper, path)); err != nil || !info.ModTime().Equal(old) {
			t.Errorf("/%s: %v %v", path, info.ModTime(), err)
		}
	}
}

// TestRemoveStubsStaysInside: a step can make links of its directories before it ends.
func TestRemoveStubsStaysInside(t *testing.T) {
	lower, upper, outside := t.TempDir(), t.TempDir(), t.TempDir()
	view, err := OpenLayers([]string{upper, lower})
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	stubs, err := view.Stubs([]string{"/a/b"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "b"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	link(t, outside, filepath.Join(upper, "a"))
	if err := RemoveStubs(upper, stubs); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(outside, "b")); err != nil {
		t.Error("a file outside was removed")
	}
}

// TestBind: a part of a directory is resolved inside of it, and shown with the container's ids.
func TestBind(t *testing.T) {
	if !inMountNS(t) {
		return
	}
	ns := userNS(t, testBase, IDs)
	dir, at := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sub/f"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	link(t, "/sub", filepath.Join(dir, "absolute"))
	link(t, "../../../../sub", filepath.Join(dir, "up"))
	link(t, "/etc", filepath.Join(dir, "etc"))
	for sub, want := range map[string]bool{"": true, "sub": true, "sub/f": true, "absolute": true, "up": true, "etc": false, "etc/passwd": false, "../etc": false, "none": false} {
		target := filepath.Join(at, "m"+filepath.Base(sub))
		err := Bind{Root: dir, Sub: sub, Target: target, UserNS: ns, IDBase: testBase, ReadOnly: true}.Mount()
		if (err == nil) != want {
			t.Errorf("%q: %v", sub, err)
		}
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = unix.Unmount(target, unix.MNT_DETACH) })
		var st unix.Stat_t
		if err := unix.Stat(target, &st); err != nil || st.Uid != testBase {
			t.Errorf("%q: owner %d, %v", sub, st.Uid, err)
		}
		if err := os.WriteFile(filepath.Join(target, "new"), nil, 0o644); err == nil {
			t.Errorf("%q can be written", sub)
		}
	}
}
