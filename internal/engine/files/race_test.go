package files

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// swap is a container that exchanges a directory with a link to a directory
// of the host, without pause, until the test ends.
func swap(t *testing.T, a, b string) {
	t.Helper()
	if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
		t.Skipf("this file system cannot exchange names: %v", err)
	}
	stop := make(chan struct{})
	var attacker sync.WaitGroup
	attacker.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		attacker.Wait()
	})
}

// raced is a container under attack: the directory d, which holds the file
// secret, is exchanged with a link to a host directory that holds one too.
func raced(t *testing.T, target func(c *container) string) *container {
	t.Helper()
	c := newContainer(t, "d/secret", "d/sub/secret")
	build(t, c.dir, "evil -> "+target(c))
	swap(t, c.dir+"/d", c.dir+"/evil")
	return c
}

// targets are what the link says, as seen from the directory that it is in.
var targets = map[string]func(c *container) string{
	"absolute": func(c *container) string { return c.host },
	"relative": func(c *container) string { return strings.Repeat("../", 40) + c.host },
}

// races is how long each race is run, and at least how often.
const (
	raceTime = 200 * time.Millisecond
	raceMin  = 200
)

func race(f func(i int)) {
	for i, end := 0, time.Now().Add(raceTime); i < raceMin || time.Now().Before(end); i++ {
		f(i)
	}
}

func TestRaceCopyOut(t *testing.T) {
	for name, target := range targets {
		t.Run(name, func(t *testing.T) {
			c := raced(t, target)
			read := 0
			for _, path := range []string{"/d/secret", "/d", "/d/.", "/", "/d/sub", "/d/sub/secret"} {
				race(func(int) {
					var b bytes.Buffer
					if TarFrom(c.root, path, Mapping{}, &b) != nil {
						return
					}
					tr := tar.NewReader(&b)
					for {
						h, err := tr.Next()
						if err != nil {
							return
						}
						body, _ := io.ReadAll(tr)
						if h.Typeflag == tar.TypeReg {
							read++
						}
						if len(body) > 0 && !strings.HasPrefix(string(body), "d/") {
							t.Fatalf("%s: a file of the host was read: %s %q", path, h.Name, body)
						}
					}
				})
			}
			if read == 0 {
				t.Error("inconclusive: nothing was ever read")
			}
		})
	}
}

func TestRaceCopyIn(t *testing.T) {
	for name, target := range targets {
		t.Run(name, func(t *testing.T) {
			c := raced(t, target)
			before := state(t, c.host)
			wrote := 0
			a, err := io.ReadAll(archive(t, dir("sub/"), file("secret", "d/evil"), file("new", "d/evil"), file("sub/secret", "d/evil"),
				symlink("l", "x"), hardlink("h", "secret"), file("made/up/f", "d/evil"), entry{tar.Header{Name: "p", Typeflag: tar.TypeFifo}, ""}))
			if err != nil {
				t.Fatal(err)
			}
			race(func(i int) {
				if Untar(c.root, []string{"/d", "/d/.", "d/sub"}[i%3], Mapping{}, bytes.NewReader(a), UntarOptions{}) == nil {
					wrote++
				}
			})
			if after := state(t, c.host); after != before {
				t.Fatalf("the host was changed:\n%s", after)
			}
			if wrote == 0 {
				t.Error("inconclusive: nothing was ever written")
			}
		})
	}
}

func TestRaceChanges(t *testing.T) {
	c := newContainer(t, "d/inside", "d/sub/inside")
	build(t, c.dir, "evil -> "+c.host)
	swap(t, c.dir+"/d", c.dir+"/evil")
	seen := 0
	race(func(int) {
		got, err := Changes(c.dir, []string{c.dir})
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range got {
			seen++
			if strings.HasSuffix(change.Path, "secret") {
				t.Fatalf("a directory of the host was listed: %v", change)
			}
		}
	})
	if seen == 0 {
		t.Error("inconclusive: nothing was ever seen")
	}
}

// Deep directories that are moved while they are walked: ".." must not lead out.
func TestRaceMovedDirectories(t *testing.T) {
	c := newContainer(t, "a/b/c/secret", "x/")
	build(t, c.dir, "a/b/c/up -> ../../../../host")
	swap(t, c.dir+"/a/b", c.dir+"/x")
	race(func(int) {
		for _, path := range []string{"/a/b/c/up/secret", "/a/b/c/../../../../host/secret", "/x/c/up/secret"} {
			var b bytes.Buffer
			if err := TarFrom(c.root, path, Mapping{}, &b); err == nil {
				t.Fatalf("%s was read: %q", path, b.String())
			}
		}
	})
}

// The control: code that looks first and opens then falls to the same attack,
// so that a race which never fires cannot pass for a defence.
func TestRaceControl(t *testing.T) {
	c := raced(t, targets["absolute"])
	fired := 0
	for end := time.Now().Add(20 * time.Second); fired == 0 && time.Now().Before(end); {
		p := filepath.Join(c.dir, "d")
		if info, err := os.Lstat(p); err != nil || !info.IsDir() {
			continue
		}
		if data, err := os.ReadFile(p + "/secret"); err == nil && string(data) == "secret" {
			fired++
		}
	}
	if fired == 0 {
		t.Skip("inconclusive: the attack did not even succeed against code that is open to it")
	}
}
