package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// layered makes layers and opens them, the first being the topmost.
func layered(t testing.TB, build func(layer func(i int) string)) *Layers {
	t.Helper()
	dir := t.TempDir()
	var dirs []string
	for _, name := range []string{"0", "1", "2"} {
		dirs = append(dirs, tree(t, dir+"/"+name))
	}
	build(func(i int) string { return dirs[i] })
	l, err := OpenLayers(dirs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func link(t testing.TB, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func whiteout(t testing.TB, path string) {
	t.Helper()
	if err := unix.Mknod(path, unix.S_IFCHR, 0); err != nil {
		t.Skipf("making a whiteout needs root: %v", err)
	}
}

func TestLayersMergeAsOverlayDoes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("opaque directories need root")
	}
	l := layered(t, func(at func(int) string) {
		tree(t, at(2), "both", "deep/a", "deep/b", "gone", "wasdir/x", "opaque/old", "below/a/b/c")
		tree(t, at(1), "both", "deep/b", "wasdir", "opaque/new")
		tree(t, at(0), "deep/c")
		whiteout(t, at(0)+"/gone")
		if err := unix.Setxattr(at(1)+"/opaque", "trusted.overlay.opaque", []byte("y"), 0); err != nil {
			t.Fatal(err)
		}
		link(t, "/deep/../deep/./a", at(0)+"/abs")
		link(t, "../../../../deep/b", at(0)+"/deep/up")
		link(t, "deep", at(1)+"/alias")
		link(t, "loop", at(0)+"/loop")
	})
	for path, want := range map[string]string{
		"/both": "1", "both": "1", "/deep/a": "2", "/deep/b": "1", "/deep/c": "0", "/wasdir": "1", "/opaque/new": "1",
		"/abs": "2", "/deep/up": "1", "/alias/c": "0", "/../../both": "1", "//below//a/./b/c": "2",
	} {
		data, err := l.ReadFile(path, 1000)
		if err != nil || !strings.HasSuffix(string(data), "/"+want) {
			t.Errorf("%s: %q %v, want layer %s", path, data, err, want)
		}
	}
	for path, want := range map[string]error{
		"/gone": fs.ErrNotExist, "/opaque/old": fs.ErrNotExist, "/wasdir/x": unix.ENOTDIR, "/none/x": fs.ErrNotExist,
		"/loop": unix.ELOOP, "/deep": unix.EISDIR, "/": unix.EISDIR, "/both/": nil,
	} {
		if _, err := l.ReadFile(path, 1000); !errors.Is(err, want) && want != nil {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

func TestLayersResolve(t *testing.T) {
	l := layered(t, func(at func(int) string) {
		tree(t, at(2), "run/lock/", "etc/file")
		tree(t, at(1), "var/")
		link(t, "/run", at(1)+"/var/run")
		link(t, "/proc/self/fd/7", at(0)+"/evil")
		link(t, "../../..", at(0)+"/etcetera")
	})
	for path, want := range map[string]Place{
		"/":                    {"/", true, true},
		"/var/run/lock":        {"/run/lock", true, true},
		"/var/run/my/data":     {"/run/my/data", false, false},
		"/var/run/my/../../x":  {"/x", false, false},
		"/etc/file":            {"/etc/file", true, false},
		"/evil/x":              {"/proc/self/fd/7/x", false, false},
		"/etcetera/etc/file":   {"/etc/file", true, false},
		"/new/../../../../abc": {"/abc", false, false},
	} {
		got, err := l.Resolve(path)
		if err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", path, got, err, want)
		}
	}
	if _, err := l.Resolve("/etc/file/below"); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("below a file: %v", err)
	}
}

func TestLayersBounds(t *testing.T) {
	l := layered(t, func(at func(int) string) {
		tree(t, at(0), "f", strings.Repeat("d/", maxDepth+1))
		if err := unix.Mkfifo(at(0)+"/fifo", 0o644); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := l.ReadFile("/f", 3); err == nil || !strings.Contains(err.Error(), "larger than 3") {
		t.Errorf("a large file: %v", err)
	}
	if _, err := l.ReadFile("/fifo", 3); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("a FIFO: %v", err)
	}
	if _, err := l.Resolve(strings.Repeat("d/", maxDepth+1)); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Errorf("a deep path: %v", err)
	}
	if os.Getuid() == 0 {
		if _, err := (&Layers{}).ReadFile("/f", 3); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no layers: %v", err)
		}
	}
}

// A link of the image that names a file of the host finds the image's own.
func TestLayersNeverLeaveTheImage(t *testing.T) {
	secret := tree(t, t.TempDir(), "secret")
	l := layered(t, func(at func(int) string) {
		tree(t, at(0), "etc/")
		link(t, secret+"/secret", at(0)+"/etc/passwd")
		link(t, secret, at(0)+"/dir")
		link(t, strings.Repeat("../", 30)+secret, at(0)+"/up")
	})
	for _, path := range []string{"/etc/passwd", "/dir/secret", "/up/secret", "../../../../../../../.." + secret + "/secret"} {
		if data, err := l.ReadFile(path, 1000); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q %v", path, data, err)
		}
	}
}

func TestDirShowsWhatOverlayWould(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("whiteouts need root")
	}
	l := layered(t, func(at func(int) string) {
		tree(t, at(2), "d/old", "d/gone", "d/sub/x", "f")
		tree(t, at(1), "d/new", "d/old")
		whiteout(t, at(1)+"/d/gone")
		link(t, "d", at(0)+"/alias")
	})
	d, err := l.OpenDir("/d")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if names, err := d.Names(10); err != nil || strings.Join(names, " ") != "new old sub" {
		t.Errorf("names %v %v", names, err)
	}
	if _, err := d.Names(2); err == nil {
		t.Error("more names than asked for")
	}
	for name, want := range map[string]bool{"new": true, "old": true, "sub": true, "gone": false, "none": false, "..": false, ".": false, "sub/x": false, "": false} {
		if has, err := d.Has(name); has != want || err != nil {
			t.Errorf("has %s: %v %v", name, has, err)
		}
	}
	for _, path := range []string{"f", "alias", "none", "d/gone", "..", "../2/d", "d/.."} {
		if _, err := l.OpenDir(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := l.ReadFile("/f", 1000); err != nil {
		t.Errorf("the layers were closed with the directory: %v", err)
	}
}
