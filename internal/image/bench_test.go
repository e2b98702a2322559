package image

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/durable"
	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// bigLayer is a layer of about 100 MB as images have them: many small files, some large ones.
func bigLayer() []byte {
	r := rand.NewChaCha8([32]byte{})
	body := make([]byte, 8<<20)
	_, _ = r.Read(body)
	var files []imagetest.File
	for d := range 100 {
		files = append(files, imagetest.Dir(fmt.Sprintf("usr/lib/d%d", d)))
		for f := range 20 {
			size := 1 << (8 + (d+f)%9) // 256 bytes to 64 KiB
			files = append(files, imagetest.File{Name: fmt.Sprintf("usr/lib/d%d/f%d", d, f), Body: body[f : f+size]})
		}
	}
	for f := range 9 {
		files = append(files, imagetest.File{Name: fmt.Sprintf("usr/bin/b%d", f), Body: body})
	}
	return imagetest.Tar(files...)
}

// BenchmarkLoad loads an archive with one layer of 100 MB; BenchmarkTar is what it is measured against.
func BenchmarkLoad(b *testing.B) {
	raw := bigLayer()
	archive := imagetest.DockerArchive(imagetest.Image{Tags: []string{"big:1"}, Layers: []imagetest.Layer{{Raw: raw}}})
	s := openStore(b, func(o *Options) { o.Root = filepath.Join(b.TempDir(), "image") })
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := s.Load(ctx, bytes.NewReader(archive), nil); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if _, err := s.Remove(ctx, "big:1", RemoveOptions{}); err != nil {
			b.Fatal(err)
		}
		unix.Sync()
		b.StartTimer()
	}
}

// BenchmarkTar unpacks the same layer with tar, and flushes it as a load does.
func BenchmarkTar(b *testing.B) {
	raw := bigLayer()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		dir := b.TempDir()
		cmd := exec.Command("tar", "-x", "-C", dir)
		cmd.Stdin = bytes.NewReader(raw)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		if err := durable.SyncAll(dir); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		unix.Sync()
		b.StartTimer()
	}
}
