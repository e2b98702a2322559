package files

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTarFrom(t *testing.T) {
	needRoot(t)
	c := newContainer(t, "d/f", "d/sub/", "d/link -> /d/f", "d/bad\xff\nname", "alias -> d")
	for _, err := range []error{
		os.Lchown(c.dir+"/d/sub", 1007, 1008),
		os.Lchown(c.dir+"/d/link", 5, 70000),
		unix.Chmod(c.dir+"/d/sub", 0o3755),
		unix.Mkfifo(c.dir+"/d/fifo", 0o640),
		unix.Mknod(c.dir+"/d/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	below := []string{
		"bad\xff\nname 0 644 0:0 d/bad\xff\nname", "f 0 644 0:0 d/f", "fifo 6 640 0:0",
		"link 2 777 5:65534 /d/f", "sub/ 5 1755 1007:1008",
	}
	for path, prefix := range map[string]string{"/d": "d/", "d": "d/", "/d/.": "", "/alias/.": "", "/../d/sub/..": "d/"} {
		want := []string{cmp.Or(prefix, "./") + " 5 755 0:0"}
		for _, b := range below {
			want = append(want, prefix+b)
		}
		if got := packed(t, c, path, Mapping{}); !slices.Equal(got, want) {
			t.Errorf("%s:\n%q\nwant\n%q", path, got, want)
		}
	}
	if got := packed(t, c, "/alias", Mapping{}); !slices.Equal(got, []string{"alias 2 777 0:0 d"}) {
		t.Errorf("a link is copied as what it is: %q", got)
	}
}

func TestTarFromKeepsHardLinks(t *testing.T) {
	c := newContainer(t, "d/a")
	if err := os.Link(c.dir+"/d/a", c.dir+"/d/b"); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(packed(t, c, "/d", Mapping{}), "\n")
	if strings.Count(got, " 0 644") != 1 || strings.Count(got, " 1 644") != 1 {
		t.Errorf("%s", got)
	}
}

func TestTarFromMapsIDs(t *testing.T) {
	needRoot(t)
	c := newContainer(t, "d/a", "d/b", "d/c")
	const at = 0x70000000
	for name, id := range map[string]int{"d": at, "d/a": at + 33, "d/b": at + ids, "d/c": 0} {
		if err := os.Chown(c.dir+"/"+name, id, id); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"d/ 5 755 0:0", "d/a 0 644 33:33 d/a", "d/b 0 644 65534:65534 d/b", "d/c 0 644 65534:65534 d/c"}
	if got := packed(t, c, "d", Mapping{Base: at}); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTarFromDropsSetuidAndExportKeepsIt(t *testing.T) {
	needRoot(t)
	c := newContainer(t, "su")
	if err := unix.Chmod(c.dir+"/su", 0o6755); err != nil {
		t.Fatal(err)
	}
	if got := packed(t, c, "/su", Mapping{}); !slices.Equal(got, []string{"su 0 755 0:0 su"}) {
		t.Errorf("copied: %q", got)
	}
	var b bytes.Buffer
	if err := Export(c.root, Mapping{}, &b); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, &b); !slices.Equal(got, []string{"./ 5 755 0:0", "su 0 6755 0:0 su"}) {
		t.Errorf("exported: %q", got)
	}
}

// Static links are the deterministic twins of the races.
func TestTarFromNeverLeavesTheRoot(t *testing.T) {
	c := newContainer(t, "etc/passwd")
	up := strings.Repeat("../", 40)
	build(t, c.dir, "abs -> "+c.host, "rel -> "+up+c.host, "file -> "+c.host+"/secret", "magic -> /proc/self/root"+c.host)
	for _, path := range []string{"/abs/secret", "/rel/secret", "/abs/.", "/rel/", "/file/.", "/magic/secret", up + c.host + "/secret"} {
		var b bytes.Buffer
		if err := TarFrom(c.root, path, Mapping{}, &b); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v, %d bytes", path, err, b.Len())
		}
	}
	if got := strings.Join(packed(t, c, "/", Mapping{}), "\n"); strings.Contains(got, "secret ") {
		t.Errorf("the whole root:\n%s", got)
	}
}

func TestTheKernelsFilesAreNotCopied(t *testing.T) {
	root, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, path := range []string{"/proc/version", "/proc", "/sys/kernel", "/proc/self/status"} {
		if err := TarFrom(root, path, Mapping{}, io.Discard); !errors.Is(err, errKernel) {
			t.Errorf("out of %s: %v", path, err)
		}
	}
	for _, path := range []string{"/proc", "/sys/kernel"} {
		err := Untar(root, path, Mapping{}, archive(t, file("bailey-test", "x")), UntarOptions{})
		if !errors.Is(err, errKernel) {
			t.Errorf("into %s: %v", path, err)
		}
	}
}

func TestTarFromBoundsDepth(t *testing.T) {
	c := newContainer(t, strings.Repeat("d/", maxDepth+10))
	if err := TarFrom(c.root, "/", Mapping{}, io.Discard); !errors.Is(err, errDepth) {
		t.Errorf("%v", err)
	}
	if err := TarFrom(c.root, "/"+strings.Repeat("d/", 20), Mapping{}, io.Discard); err != nil {
		t.Errorf("from further down: %v", err)
	}
	if files, err := os.ReadDir("/proc/self/fd"); err != nil || len(files) > 100 {
		t.Errorf("%d descriptors are left open, %v", len(files), err)
	}
}

func TestExportLeavesOutMounts(t *testing.T) {
	shm, err := os.CreateTemp("/dev/shm", "bailey-test")
	if err != nil {
		t.Skipf("this machine has no /dev/shm: %v", err)
	}
	defer os.Remove(shm.Name())
	defer shm.Close()
	root, err := os.Open("/dev")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var b bytes.Buffer
	if err := Export(root, Mapping{}, &b); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(listing(t, &b), "\n"); !strings.Contains(got, "shm/ 5") || strings.Contains(got, "shm/bailey-test") {
		t.Errorf("what is mounted on /dev/shm was exported:\n%s", got)
	}
	if got := strings.Join(packed(t, &container{root: root}, "/shm", Mapping{}), "\n"); !strings.Contains(got, "shm/bailey-test") {
		t.Errorf("it is not copied either:\n%s", got)
	}
}

func TestLstat(t *testing.T) {
	c := newContainer(t, "d/f", "link -> d/f", "dirlink -> /d", "broken -> /none")
	for path, want := range map[string]Stat{
		"/d/f":      {Name: "f", Size: 3, Mode: 0o644},
		"/link":     {Name: "link", Size: 3, Mode: os.ModeSymlink | 0o777, LinkTarget: "d/f"},
		"/dirlink/": {Name: "dirlink", Mode: os.ModeDir | 0o755},
		"/broken":   {Name: "broken", Size: 5, Mode: os.ModeSymlink | 0o777, LinkTarget: "/none"},
		"/":         {Name: "/", Mode: os.ModeDir | 0o755},
	} {
		got, err := Lstat(c.root, path)
		if got.Mtime.IsZero() {
			t.Errorf("%s: no time", path)
		}
		got.Mtime = want.Mtime
		if got.Mode.IsDir() {
			got.Size = 0
		}
		if err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", path, got, err, want)
		}
	}
	for _, path := range []string{"/none", "/broken/", "/d/f/x"} {
		if s, err := Lstat(c.root, path); err == nil {
			t.Errorf("%s: %+v", path, s)
		}
	}
}

func TestCopyTree(t *testing.T) {
	needRoot(t)
	c := newContainer(t, "var/lib/data/f", "var/lib/data/sub/g", "real/x", "lnk -> /real", "evil -> /etc")
	if err := errors.Join(os.Chown(c.dir+"/var/lib/data", 7, 8), os.Chmod(c.dir+"/var/lib/data", 0o750), os.Chown(c.dir+"/var/lib/data/f", 9, 9)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"/var/lib/data": {"f", "sub", "sub/g"}, "/lnk": {"x"}, "/none": nil, "/real/x": nil, "/evil": nil,
	} {
		to := t.TempDir()
		f, err := os.Open(to)
		if err != nil {
			t.Fatal(err)
		}
		if err := CopyTree(c.root, name, f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
		var got []string
		_ = filepath.WalkDir(to, func(p string, _ os.DirEntry, _ error) error {
			if rel, _ := filepath.Rel(to, p); rel != "." {
				got = append(got, rel)
			}
			return nil
		})
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if name == "/var/lib/data" && (owner(t, to) != "7:8 750" || owner(t, to+"/f") != "9:9 644") {
			t.Errorf("%s, %s", owner(t, to), owner(t, to+"/f"))
		}
	}
}
