package rootfs

import (
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenInRoot(t *testing.T) {
	outside := tree(t, t.TempDir(), "secret")
	dir := tree(t, t.TempDir(), "etc/file", "a/b/c")
	link(t, "/etc/file", dir+"/abs")
	link(t, "../../../../etc/file", dir+"/a/up")
	link(t, outside+"/secret", dir+"/out")
	link(t, "/proc/self/root/etc/passwd", dir+"/magic")
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, path := range []string{"/etc/file", "etc/file", "/abs", "/a/up", "/../../etc/file"} {
		f, err := OpenInRoot(root, path, unix.O_RDONLY, 0)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if data, _ := io.ReadAll(f); string(data) != dir {
			t.Errorf("%s: %q", path, data)
		}
		f.Close()
	}
	for _, path := range []string{"/out", "/magic", "/nothing"} {
		if f, err := OpenInRoot(root, path, unix.O_RDONLY, 0); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v %v", path, f, err)
		}
	}
	for _, path := range []string{"abs", "a/up", "../x", "/etc/file", "a/../../x"} {
		if f, err := OpenBeneath(root, path, unix.O_RDONLY, 0); err == nil {
			t.Errorf("beneath %s: %v", path, f.Name())
		}
	}
	proc, err := os.Open("/proc")
	if err != nil {
		t.Fatal(err)
	}
	defer proc.Close()
	if _, err := OpenInRoot(proc, "self/fd/0", unix.O_RDONLY, 0); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a magic link: %v", err)
	}
	f, err := OpenBeneath(root, "a/new", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestVolumeClone(t *testing.T) {
	if !inMountNS(t) {
		return
	}
	dir := t.TempDir()
	source, target := tree(t, dir+"/source", "file"), tree(t, dir+"/target")
	if err := os.Chown(source+"/file", 7, 8); err != nil {
		t.Fatal(err)
	}
	ns := userNS(t, testBase, IDs)
	fd, err := Clone(Volume{Source: source, UserNS: ns, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := Attach(fd, target); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(target, unix.MNT_DETACH)
	if got := owner(target + "/file"); got != "1879048199:1879048200" {
		t.Errorf("owner %s", got)
	}
	var s unix.Statfs_t
	want := int64(unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC)
	if err := unix.Statfs(target, &s); err != nil || s.Flags&want != want {
		t.Errorf("flags %x %v", s.Flags, err)
	}
	link(t, source, dir+"/link")
	if _, err := Clone(Volume{Source: dir + "/link", UserNS: ns}); err == nil {
		t.Error("a symbolic link was followed to the source")
	}
	if err := Attach(fd, dir+"/link"); err == nil {
		t.Error("a symbolic link was followed to the target")
	}
}
