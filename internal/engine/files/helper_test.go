package files

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("giving files to others needs root")
	}
}

// build writes a tree: "path" is a file that holds its own path, "path/" a
// directory and "path -> target" a symbolic link.
func build(t testing.TB, dir string, entries ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name, target, link := strings.Cut(e, " -> ")
		p := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		switch {
		case link:
			err = errors.Join(err, os.Symlink(target, p))
		case strings.HasSuffix(name, "/"):
			err = errors.Join(err, os.MkdirAll(p, 0o755))
		default:
			err = errors.Join(err, os.WriteFile(p, []byte(name), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// container is a root directory and, beside it, a host directory that nothing
// may touch or read.
type container struct {
	dir, host string
	root      *os.File
}

func newContainer(t testing.TB, entries ...string) *container {
	t.Helper()
	c := &container{dir: build(t, t.TempDir()+"/root", entries...), host: build(t, t.TempDir()+"/host", "secret", "sub/secret")}
	root, err := os.Open(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	c.root = root
	t.Cleanup(func() { root.Close() })
	return c
}

// state describes everything below dir.
func state(t testing.TB, dir string) string {
	t.Helper()
	var all []string
	err := filepath.Walk(dir, func(p string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		line := fmt.Sprint(p, info.Mode(), info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			line += string(data)
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// archive writes entries as a tar archive; a regular file holds its body.
type entry struct {
	tar.Header
	body string
}

func archive(t testing.TB, entries ...entry) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.Typeflag == 0 {
			e.Typeflag = tar.TypeReg
		}
		if e.Mode == 0 {
			e.Mode = 0o644
		}
		e.Size = int64(len(e.body))
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func file(name, body string) entry { return entry{tar.Header{Name: name}, body} }

func dir(name string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}, ""}
}

func symlink(name, target string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}, ""}
}

func hardlink(name, target string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}, ""}
}

// listing is what an archive holds, one line each, sorted.
func listing(t testing.TB, r io.Reader) []string {
	t.Helper()
	var all []string
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			slices.Sort(all)
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %c %o %d:%d %s%s", h.Name, h.Typeflag, h.Mode, h.Uid, h.Gid, h.Linkname, body)))
	}
}

func packed(t testing.TB, c *container, name string, m Mapping) []string {
	t.Helper()
	var b bytes.Buffer
	if err := TarFrom(c.root, name, m, &b); err != nil {
		t.Fatal(err)
	}
	return listing(t, &b)
}

func content(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func owner(t testing.TB, path string) string {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d:%d %o", s.Uid, s.Gid, s.Mode&0o7777)
}
