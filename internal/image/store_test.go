package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/snapshots"

	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// ctx is the context of tests that need no other.
var ctx = context.Background()

// openStore opens a store that is closed with the test.
func openStore(tb testing.TB, edit func(*Options)) *Store {
	tb.Helper()
	if os.Getuid() != 0 {
		tb.Skip("needs root: layers are owned by many ids and overlay wants trusted attributes")
	}
	opts := Options{Root: filepath.Join(scratch(tb), "image"), Log: slog.New(slog.NewTextHandler(tb.Output(), nil))}
	if edit != nil {
		edit(&opts)
	}
	s, err := Open(ctx, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// scratch is a directory for a store: in memory where there is a tmpfs, because a store flushes a lot.
func scratch(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "bailey-image-")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// one is an image with one file.
func one(tag, name, body string) imagetest.Image {
	img := imagetest.Image{Layers: []imagetest.Layer{{Files: []imagetest.File{imagetest.Reg(name, body)}}}}
	if tag != "" {
		img.Tags = []string{tag}
	}
	return img
}

// load loads what must be loadable.
func load(tb testing.TB, s *Store, archive []byte) []Image {
	tb.Helper()
	images, err := s.Load(ctx, bytes.NewReader(archive), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return images
}

// class is the class of a refusal, "" for nil and "?" for other errors.
func class(err error) string {
	var refusal *hostile.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refusal):
		return refusal.Class
	}
	return "?"
}

// remains lists everything in the store: blobs, snapshots, names, leases, and files on disk that hold content.
func remains(tb testing.TB, s *Store) []string {
	tb.Helper()
	s.work.Wait()
	var out []string
	c := s.context(ctx)
	err := s.blobs.Walk(c, func(info content.Info) error {
		out = append(out, "blob "+info.Digest.String())
		return nil
	})
	err = errors.Join(err, s.snaps.Walk(c, func(_ context.Context, info snapshots.Info) error {
		out = append(out, "snapshot "+info.Name)
		return nil
	}))
	leases, lerr := s.leases.List(c)
	for _, l := range leases {
		out = append(out, "lease "+l.ID)
	}
	names, nerr := s.images.List(c)
	for _, n := range names {
		out = append(out, "name "+n.Name)
	}
	for _, dir := range []string{"content/blobs/sha256", "content/ingest", "snapshots/snapshots"} {
		entries, _ := os.ReadDir(filepath.Join(s.opts.Root, dir))
		for _, e := range entries {
			out = append(out, "file "+dir+"/"+e.Name())
		}
	}
	if err := errors.Join(err, lerr, nerr); err != nil {
		tb.Fatal(err)
	}
	return out
}

func TestLoadBothFormats(t *testing.T) {
	img := imagetest.Image{Tags: []string{"app:1", "r.example.org/x/app:2"}, Layers: []imagetest.Layer{
		{Files: []imagetest.File{imagetest.Dir("etc"), imagetest.Reg("etc/a", "1")}},
		{Files: []imagetest.File{imagetest.Reg("etc/b", "2")}, Compression: "gzip"},
		{Files: []imagetest.File{imagetest.Reg("etc/.wh.a", "")}, Compression: "zstd"},
	}}
	img.Config.Config.Labels = map[string]string{"a": "b"}
	for name, archive := range map[string][]byte{"docker": imagetest.DockerArchive(img), "oci": imagetest.OCIArchive(img), "gzip": imagetest.Gzip(imagetest.OCIArchive(img))} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, nil)
			got := load(t, s, archive)
			if len(got) != 1 || strings.Join(got[0].RepoTags, " ") != "app:1 r.example.org/x/app:2" || len(got[0].DiffIDs) != 3 || got[0].Labels["a"] != "b" || got[0].Size == 0 {
				t.Fatalf("%+v", got)
			}
			built := img.Build()
			if got[0].ConfigDigest != built.Config.Descriptor.Digest {
				t.Errorf("config %s", got[0].ConfigDigest)
			}
			r, err := s.Rootfs(ctx, got[0])
			if err != nil || len(r.Lower) != 3 {
				t.Fatalf("%+v %v", r, err)
			}
			if b, _ := os.ReadFile(filepath.Join(r.Lower[1], "etc/b")); string(b) != "2" {
				t.Errorf("etc/b is %q in %v", b, r.Lower)
			}
			if st, err := os.Stat(filepath.Join(r.Lower[2], "etc/a")); err != nil || st.Size() != 1 {
				t.Errorf("the lowest layer: %v", err)
			}
			for _, ref := range []string{"app:1", "docker.io/library/app:1", "r.example.org/x/app:2", got[0].ID.String(), got[0].ID.Encoded(), short(got[0].ID), got[0].ConfigDigest.String(), got[0].RepoDigests[0]} {
				if found, err := s.Get(ctx, ref); err != nil || found.ID != got[0].ID {
					t.Errorf("Get(%s): %v", ref, err)
				}
			}
		})
	}
}

func TestFailedLoadLeavesNothing(t *testing.T) {
	s := openStore(t, nil)
	good := one("good:1", "f", "x")
	bad := one("bad:1", "g", "y")
	bad.Layers = append(bad.Layers, imagetest.Layer{Files: []imagetest.File{imagetest.Symlink("a", "../../x")}})
	_, err := s.Load(ctx, bytes.NewReader(imagetest.DockerArchive(good, bad)), nil)
	if class(err) != "symlink-escape" || !strings.Contains(err.Error(), "bad:1") || !strings.Contains(err.Error(), "layer") {
		t.Errorf("got %v", err)
	}
	if left := remains(t, s); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRemoveLeavesNothing(t *testing.T) {
	s := openStore(t, nil)
	img := load(t, s, imagetest.DockerArchive(one("a:1", "f", "x")))[0]
	if _, err := s.Rootfs(ctx, img); err != nil {
		t.Fatal(err)
	}
	out, err := s.Remove(ctx, "a:1", RemoveOptions{})
	if err != nil || len(out) != 2 || out[0].Untagged != "a:1" || out[1].Deleted != img.ID.String() {
		t.Errorf("%v %v", out, err)
	}
	if left := remains(t, s); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	var missing *NotFoundError
	if _, err := s.Rootfs(ctx, img); !errors.As(err, &missing) {
		t.Errorf("the layers of a removed image: %v", err)
	}
}

// without reads an archive's entries, leaving some out.
func without(tb testing.TB, archive []byte, names ...string) []imagetest.File {
	tb.Helper()
	var out []imagetest.File
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			tb.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			tb.Fatal(err)
		}
		if !slices.Contains(names, h.Name) {
			out = append(out, imagetest.File{Name: h.Name, Body: body})
		}
	}
}
