package scenes

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"

	"github.com/bailey-run/bailey/internal/prove/archive"
	"github.com/bailey-run/bailey/internal/prove/scene"
)

// bombs are small and become large. They stay below what a host feels when
// nothing stops them.
func bombs() []pair {
	return []pair{
		{"gzip-bomb", "bring 80 MiB in 80 KiB", "CVE-2019-16884", squeezed(80 << 20), squeezed(1 << 20), true},
		{"many-layers", "bring 200 layers", "overlayfs takes 500, mount(2) one page of names", counted(200), counted(20), true},
		{"large-configuration", "bring a configuration of 6 MiB", "CVE-2023-25153", padded(6 << 20), padded(16 << 10), true},
		{"large-manifest", "bring a manifest of 6 MiB", "CVE-2023-25153", spaced(6 << 20), spaced(16 << 10), true},
	}
}

// squeezed is an image with a file of so many zeros in a compressed layer. The
// noise before them keeps a small one from being suspicious.
func squeezed(size int) func() []byte {
	return func() []byte {
		noise := make([]byte, 64<<10)
		_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // never fails
		layer := archive.Tar(archive.File("noise", string(noise)), archive.File("zeros", string(make([]byte, size))))
		var out bytes.Buffer
		w := gzip.NewWriter(&out) // into memory
		_, _ = w.Write(layer)
		_ = w.Close()
		return archive.Image{Name: scene.Image, Layers: [][]byte{out.Bytes()}, DiffIDs: []string{"sha256:" + archive.Digest(layer)}}.Archive()
	}
}

// counted is an image of so many layers.
func counted(layers int) func() []byte {
	list := make([][]archive.Entry, layers)
	for i := range list {
		list[i] = entries(archive.File("f"+string(rune('a'+i%26))+string(rune('a'+i/26)), "x"))
	}
	return image(list...)
}

// padded is an image whose configuration has a size.
func padded(size int) func() []byte {
	return configured(map[string]any{"Labels": map[string]string{"a": string(bytes.Repeat([]byte("a"), size/2)), "b": string(bytes.Repeat([]byte("b"), size/2))}})
}

// spaced is an archive whose manifest ends in so many spaces.
func spaced(size int) func() []byte {
	return outer(func(list []archive.Entry) []archive.Entry {
		manifest := &list[len(list)-1]
		manifest.Body = append(manifest.Body, bytes.Repeat([]byte(" "), size)...)
		return list
	})
}
