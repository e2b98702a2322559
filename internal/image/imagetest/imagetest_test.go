package imagetest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/opencontainers/go-digest"
)

// entries reads an archive back.
func entries(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = body
	}
}

func TestDockerArchiveIsComplete(t *testing.T) {
	got := entries(t, DockerArchive(Image{Tags: []string{"a:1"}, Layers: []Layer{{Files: []File{Reg("x", "y")}}}}))
	var items []DockerItem
	if err := json.Unmarshal(got["manifest.json"], &items); err != nil {
		t.Fatal(err)
	}
	if len(items) != 1 || items[0].RepoTags[0] != "a:1" || got[items[0].Config] == nil || got[items[0].Layers[0]] == nil {
		t.Fatalf("manifest.json %+v does not fit the entries", items)
	}
}

func TestOCIBlobsHaveTheirDigests(t *testing.T) {
	img := Image{Tags: []string{"a:1"}, Layers: []Layer{{Files: []File{Reg("x", "y")}, Compression: "gzip"}, {Files: []File{Dir("d")}, Compression: "zstd"}}}
	blobs := 0
	for name, body := range entries(t, OCIArchive(img)) {
		if hex, ok := bytes.CutPrefix([]byte(name), []byte("blobs/sha256/")); ok && len(hex) > 0 {
			blobs++
			if digest.FromBytes(body).Encoded() != string(hex) {
				t.Errorf("%s holds %s", name, digest.FromBytes(body))
			}
		}
	}
	if blobs != 4 {
		t.Errorf("%d blobs, want 2 layers, a configuration and a manifest", blobs)
	}
	if !bytes.Equal(OCIArchive(img), OCIArchive(img)) {
		t.Error("equal images give different archives")
	}
}

func TestBusyboxHasAShell(t *testing.T) {
	img := Busybox(t, "busybox:test")
	if img.Tags[0] != "busybox:test" || len(entries(t, img.Layers[0].tar())["bin/busybox"]) == 0 {
		t.Error("no busybox in the image")
	}
}
