package image

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// TestDiskFull loads an image into a store on a small file system: the error says what to do, nothing stays, and a smaller
// image still fits.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=12m"); err != nil {
		t.Skipf("needs to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := openStore(t, func(o *Options) { o.Root = filepath.Join(dir, "image") })
	noise := make([]byte, 7<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	for _, streamFrom := range []int64{0, 1 << 40} {
		s.streamFrom = streamFrom
		_, err := s.Load(ctx, bytes.NewReader(imagetest.DockerArchive(one("big:1", "f", string(noise)))), nil)
		if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "bailey system prune") {
			t.Errorf("got %v", err)
		}
		if left := remains(t, s); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		load(t, s, imagetest.DockerArchive(one("small:1", "f", "x")))
		if _, err := s.Remove(ctx, "small:1", RemoveOptions{}); err != nil {
			t.Error(err)
		}
	}
}

// TestDamagedImage changes a configuration on disk.
func TestDamagedImage(t *testing.T) {
	s := openStore(t, nil)
	img := load(t, s, imagetest.DockerArchive(one("bad:1", "f", "x"), one("good:1", "g", "y")))[0]
	path := filepath.Join(s.opts.Root, "content/blobs/sha256", img.ConfigDigest.Encoded())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte("linux"), []byte("linuX"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	s.records.Clear()
	if _, err := s.Get(ctx, "bad:1"); !errors.Is(err, errdefs.ErrDataLoss) || !strings.Contains(err.Error(), "fetch it again") {
		t.Errorf("got %v", err)
	}
	images, err := s.List(ctx)
	if err != nil || len(images) != 2 {
		t.Errorf("%d images, %v", len(images), err)
	}
	if _, err := s.Remove(ctx, "bad:1", RemoveOptions{}); err != nil {
		t.Error(err)
	}
	if got := load(t, s, imagetest.DockerArchive(one("bad:1", "f", "x"))); got[0].ID != img.ID {
		t.Error("a removed image cannot be loaded again")
	}
}
