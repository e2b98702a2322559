package files

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func whiteout(t testing.TB, path string) {
	t.Helper()
	if err := unix.Mknod(path, unix.S_IFCHR, 0); err != nil {
		t.Fatal(err)
	}
}

func opaque(t testing.TB, path string) {
	t.Helper()
	if err := unix.Setxattr(path, "trusted.overlay.opaque", []byte("y"), 0); err != nil {
		t.Fatal(err)
	}
}

func TestChanges(t *testing.T) {
	needRoot(t)
	top := build(t, t.TempDir(), "etc/mid", "shadow/")
	low := build(t, t.TempDir(), "etc/conf", "etc/gone", "old/a", "old/sub/b", "old/sub/c", "shadow/x", "hidden/f", "type/x")
	whiteout(t, top+"/hidden")
	opaque(t, top+"/shadow")
	up := build(t, t.TempDir(), "etc/conf", "etc/mid", "etc/new", "old/sub/b", "shadow/x", "hidden/f", "type", "fresh/deep/er", "l -> /etc")
	whiteout(t, up+"/etc/gone")
	whiteout(t, up+"/etc/never")
	opaque(t, up+"/old")
	got, err := Changes(up, []string{top, low})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range got {
		lines = append(lines, fmt.Sprint(c.Kind, c.Path))
	}
	want := "0/etc 0/etc/conf 2/etc/gone 0/etc/mid 1/etc/new 1/fresh 1/fresh/deep 1/fresh/deep/er 1/hidden 1/hidden/f 1/l " +
		"0/old 2/old/a 0/old/sub 0/old/sub/b 2/old/sub/c 0/shadow 1/shadow/x 0/type"
	if s := strings.Join(lines, " "); s != want {
		t.Errorf("%s\nwant\n%s", s, want)
	}
	if got, err := Changes(up+"/none", []string{low}); err != nil || got != nil {
		t.Errorf("never started: %v %v", got, err)
	}
}

func TestChangesHoldsFewDescriptors(t *testing.T) {
	low := build(t, t.TempDir(), strings.Repeat("d/", 700))
	up := build(t, t.TempDir(), strings.Repeat("d/", 700)+"new")
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	got, err := Changes(up, []string{low})
	if err != nil || len(got) != 701 || got[700].Kind != Added {
		t.Errorf("%d changes, %v", len(got), err)
	}
}

// What is not a directory of the upper layer's own is not looked into.
func TestChangesStaysInTheUpperLayer(t *testing.T) {
	c := newContainer(t)
	up := build(t, t.TempDir(), "d/f", "out -> "+c.host)
	got, err := Changes(up, nil)
	if err != nil || len(got) != 3 {
		t.Errorf("%v %v", got, err)
	}
	link := t.TempDir() + "/upper"
	if err := os.Symlink(c.host, link); err != nil {
		t.Fatal(err)
	}
	if got, err := Changes(link, nil); err == nil {
		t.Errorf("an upper directory that is a link: %v", got)
	}
}
