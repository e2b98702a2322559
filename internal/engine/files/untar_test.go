package files

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestUntar(t *testing.T) {
	needRoot(t)
	c := newContainer(t, "in/old/", "in/changed", "in/lnk -> old", "other/")
	when := time.Unix(1_000_000_000, 123_000_000)
	in := dir("d/")
	in.ModTime, in.Format = when, tar.FormatPAX
	su := entry{tar.Header{Name: "d/su", Mode: 0o6755, Uid: 33, Gid: 34, ModTime: when, Format: tar.FormatPAX}, "suid"}
	err := Untar(c.root, "/in", Mapping{}, archive(t, in, su, file("changed", "new"), file("made/on/the/way", "x"),
		symlink("d/up", "../../../../etc"), hardlink("same", "changed"), dir("lnk"), file("lnk/through", "y"),
		entry{tar.Header{Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o600}, ""}), UntarOptions{KeepIDs: true})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"in/changed": "new", "in/same": "new", "in/made/on/the/way": "x", "in/old/through": "y", "in/d/su": "suid"} {
		if got := content(t, c.dir+"/"+path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	for path, want := range map[string]string{"in/d/su": "33:34 755", "in/d": "0:0 755", "in/pipe": "0:0 600", "in/lnk": "0:0 777"} {
		if got := owner(t, c.dir+"/"+path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{"in/d", "in/d/su"} {
		if info, err := os.Stat(c.dir + "/" + path); err != nil || !info.ModTime().Equal(when) {
			t.Errorf("%s: time %v %v", path, info.ModTime(), err)
		}
	}
}

func TestUntarGivesFilesToTheContainer(t *testing.T) {
	needRoot(t)
	c := newContainer(t, "in/")
	const at = 0x70000000
	if err := os.Chown(c.dir+"/in", at, at); err != nil {
		t.Fatal(err)
	}
	owned := func(name string) entry { return entry{tar.Header{Name: name, Uid: 33, Gid: 34}, "x"} }
	for keep, want := range map[bool]string{true: "1879048225:1879048226 644", false: "1879048192:1879048192 644"} {
		if err := Untar(c.root, "in", Mapping{Base: at}, archive(t, owned("a/f")), UntarOptions{KeepIDs: keep}); err != nil {
			t.Fatal(err)
		}
		if got := owner(t, c.dir+"/in/a/f"); got != want {
			t.Errorf("keep %v: %s, want %s", keep, got, want)
		}
		if got := owner(t, c.dir+"/in/a"); got != "1879048192:1879048192 755" {
			t.Errorf("a directory on the way: %s", got)
		}
	}
	for _, h := range []tar.Header{{Name: "f", Uid: ids}, {Name: "f", Gid: -1}, {Name: "f", Uid: 1 << 31}} {
		if err := Untar(c.root, "in", Mapping{Base: at}, archive(t, entry{h, "x"}), UntarOptions{KeepIDs: true}); err == nil {
			t.Errorf("owner %d:%d", h.Uid, h.Gid)
		}
	}
}

func TestUntarNeverLeavesTheRoot(t *testing.T) {
	up := strings.Repeat("../", 40)
	linked := func(t *testing.T) *container {
		c := newContainer(t, "in/", "etc/passwd")
		build(t, c.dir, "in/abs -> "+c.host, "in/rel -> "+up+c.host, "in/file -> "+c.host+"/secret", "abs -> "+c.host, "in/magic -> /proc/self/fd/0")
		return c
	}
	for name, entries := range map[string]func(c *container) []entry{
		"dots":                     func(c *container) []entry { return []entry{file("../../"+c.host+"/secret", "evil")} },
		"dots at the end":          func(c *container) []entry { return []entry{dir("a/..")} },
		"absolute":                 func(c *container) []entry { return []entry{file(c.host+"/secret", "evil")} },
		"through an absolute link": func(c *container) []entry { return []entry{file("abs/secret", "evil")} },
		"through a relative link":  func(c *container) []entry { return []entry{file("rel/secret", "evil")} },
		"over a link to a file":    func(c *container) []entry { return []entry{file("file", "evil")} },
		"a directory over a link":  func(c *container) []entry { return []entry{dir("abs"), file("abs/new", "evil")} },
		"a link of its own":        func(c *container) []entry { return []entry{symlink("l", c.host), file("l/secret", "evil")} },
		"a link of its own, up":    func(c *container) []entry { return []entry{symlink("l", up+c.host), file("l/secret", "evil")} },
		"a link of its own, magic": func(c *container) []entry {
			return []entry{symlink("l", "/proc/self/root"+c.host), file("l/secret", "evil")}
		},
		"two links": func(c *container) []entry {
			return []entry{symlink("l", c.host), symlink("m", "l"), file("m/secret", "evil")}
		},
		"a hard link out":       func(c *container) []entry { return []entry{hardlink("h", up+c.host+"/secret"), file("h", "evil")} },
		"a hard link, absolute": func(c *container) []entry { return []entry{hardlink("h", c.host+"/secret"), file("h", "evil")} },
		"a hard link through a link": func(c *container) []entry {
			return []entry{symlink("l", c.host), hardlink("h", "l/secret"), file("h", "evil")}
		},
		"a hard link to a link": func(c *container) []entry {
			return []entry{symlink("l", c.host+"/secret"), hardlink("h", "l"), file("h", "evil")}
		},
		"a directory in place of link": func(c *container) []entry { return []entry{symlink("l", c.host), dir("l/"), file("l/secret", "evil")} },
		"magic":                        func(c *container) []entry { return []entry{file("magic", "evil"), file("magic/x", "evil")} },
	} {
		t.Run(name, func(t *testing.T) {
			c := linked(t)
			before := state(t, c.host)
			err := Untar(c.root, "/in", Mapping{}, archive(t, entries(c)...), UntarOptions{})
			if after := state(t, c.host); after != before {
				t.Fatalf("the host was changed (%v):\n%s", err, after)
			}
			t.Log(err)
		})
	}
	c := linked(t)
	before := state(t, c.host)
	if err := Untar(c.root, "/abs", Mapping{}, archive(t, file("secret", "evil")), UntarOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a destination that is a link out: %v", err)
	}
	if after := state(t, c.host); after != before {
		t.Fatalf("the host was changed:\n%s", after)
	}
}

func TestUntarRefuses(t *testing.T) {
	c := newContainer(t, "in/dir/sub/", "in/file", "in/broken -> /none")
	for name, x := range map[string]struct {
		e entry
		o UntarOptions
	}{
		"a device":                {entry{tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, ""}, UntarOptions{}},
		"a disk":                  {entry{tar.Header{Name: "sda", Typeflag: tar.TypeBlock, Devmajor: 8}, ""}, UntarOptions{}},
		"a file over a directory": {file("dir", "x"), UntarOptions{}},
		"a link over a directory": {symlink("dir", "/"), UntarOptions{}},
		"a directory over a file": {dir("file"), UntarOptions{NoOverwriteDirNonDir: true}},
		"below a file":            {file("file/x", "x"), UntarOptions{}},
		"dots that stay inside":   {file("dir/../x", "x"), UntarOptions{}},
		"dots in a hard link":     {hardlink("h", "dir/../file"), UntarOptions{}},
		"below a broken link":     {file("broken/x", "x"), UntarOptions{}},
		"a whiteout":              {entry{tar.Header{Name: "w", Typeflag: tar.TypeChar}, ""}, UntarOptions{}},
		"nested without end":      {file(strings.Repeat("x/", maxDepth+20)+"f", "x"), UntarOptions{}},
	} {
		if err := Untar(c.root, "/in", Mapping{}, archive(t, x.e), x.o); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for _, h := range []string{"\xfd7zXZ\x00rest", "BZh91AY", "\x1f\x8bbroken", "\x28\xb5\x2f\xfdbroken", "garbage that is no archive" + strings.Repeat("x", 600)} {
		if err := Untar(c.root, "/in", Mapping{}, strings.NewReader(h), UntarOptions{}); err == nil {
			t.Errorf("%q was taken", h[:5])
		}
	}
	if err := Untar(c.root, "/in/file", Mapping{}, archive(t), UntarOptions{}); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("into a file: %v", err)
	}
}

func TestUntarKeepsNoAttributes(t *testing.T) {
	needRoot(t)
	c := newContainer(t, "in/")
	e := file("f", "x")
	e.PAXRecords = map[string]string{
		"SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.security.capability": "\x01\x00\x00\x02\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"SCHILY.xattr.user.note": "n",
	}
	if err := Untar(c.root, "in", Mapping{}, archive(t, e), UntarOptions{}); err != nil {
		t.Fatal(err)
	}
	var b [1024]byte
	if n, err := unix.Listxattr(c.dir+"/in/f", b[:]); n != 0 || err != nil {
		t.Errorf("attributes %q %v", b[:n], err)
	}
}

func TestUntarDecompresses(t *testing.T) {
	c := newContainer(t, "in/")
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.Copy(z, archive(t, file("f", "zipped"))); err != nil {
		t.Fatal(err)
	}
	z.Close()
	if err := Untar(c.root, "in", Mapping{}, &b, UntarOptions{}); err != nil || content(t, c.dir+"/in/f") != "zipped" {
		t.Error(err)
	}
}

// What was a hard link to another file of the container is replaced, not
// written through.
func TestUntarReplacesFiles(t *testing.T) {
	c := newContainer(t, "in/f", "keep")
	if err := errors.Join(os.Remove(c.dir+"/in/f"), os.Link(c.dir+"/keep", c.dir+"/in/f")); err != nil {
		t.Fatal(err)
	}
	if err := Untar(c.root, "in", Mapping{}, archive(t, file("f", "new")), UntarOptions{}); err != nil {
		t.Fatal(err)
	}
	if content(t, c.dir+"/keep") != "keep" || content(t, c.dir+"/in/f") != "new" {
		t.Error("the other name of the file was written")
	}
}

func FuzzUntar(f *testing.F) {
	seed := func(e ...entry) {
		b, err := io.ReadAll(archive(f, e...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	seed(dir("d"), file("d/f", "x"), symlink("d/l", "/etc"), file("d/l/x", "y"), hardlink("h", "d/f"))
	seed(symlink("l", "../../../../../tmp"), file("l/f", "x"), entry{tar.Header{Name: "p", Typeflag: tar.TypeFifo}, ""})
	seed(entry{tar.Header{Name: "c", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, ""})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			return
		}
		c := newContainer(t, "in/old", "in/l -> /../../host")
		before := state(t, c.host)
		_ = Untar(c.root, "in", Mapping{}, io.LimitReader(bytes.NewReader(data), 1<<20), UntarOptions{KeepIDs: len(data)%2 == 0})
		if state(t, c.host) != before {
			t.Fatal("the host was changed")
		}
		if err := TarFrom(c.root, "/", Mapping{}, io.Discard); err != nil && !errors.Is(err, errDepth) {
			t.Fatal(err)
		}
	})
}
