package files

import (
	"archive/tar"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/bailey-run/bailey/internal/runtime/nspool"
	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"golang.org/x/sys/unix"
)

// A running container's files are seen through idmapped mounts: on disk they
// belong to the container's own ids, and only those can be created.
func TestThroughAnIdmappedMount(t *testing.T) {
	needRoot(t)
	const at = 0x70000000
	pair, err := nspool.New(at)
	if err != nil {
		t.Skipf("this machine makes no user namespaces: %v", err)
	}
	defer pair.Close()
	c := newContainer(t, "in/old")
	if err := os.Chown(c.dir+"/in/old", 33, 34); err != nil {
		t.Fatal(err)
	}
	fd, err := rootfs.Clone(rootfs.Volume{Source: c.dir, UserNS: int(pair.UserNS.Fd())})
	if err != nil {
		t.Skipf("no idmapped mounts here: %v", err)
	}
	mapped := &container{dir: c.dir, root: os.NewFile(uintptr(fd), "root")}
	defer mapped.root.Close()
	e := entry{tar.Header{Name: "made/f", Uid: 1000, Gid: 1001}, "x"}
	if err := Untar(mapped.root, "/in", Mapping{Base: at}, archive(t, e, symlink("l", "x"), entry{tar.Header{Name: "p", Typeflag: tar.TypeFifo}, ""}), UntarOptions{KeepIDs: true}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"in/made": "0:0 755", "in/made/f": "1000:1001 644", "in/l": "0:0 777", "in/p": "0:0 644"} {
		if got := owner(t, c.dir+"/"+path); got != want {
			t.Errorf("on disk %s: %s, want %s", path, got, want)
		}
	}
	want := []string{"in/ 5 755 0:0", "in/l 2 777 0:0 x", "in/made/ 5 755 0:0", "in/made/f 0 644 1000:1001 x", "in/old 0 644 33:34 in/old", "in/p 6 644 0:0"}
	if got := packed(t, mapped, "/in", Mapping{Base: at}); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	// Without taking the ids of the container's root the kernel refuses.
	if err := Untar(mapped.root, "/in", Mapping{}, archive(t, file("f", "x")), UntarOptions{}); !errors.Is(err, unix.EOVERFLOW) {
		t.Errorf("as the host's root: %v", err)
	}
}
