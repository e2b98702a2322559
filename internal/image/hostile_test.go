package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// smallLimits make the corpus quick: what is refused at 16 GiB is refused at 1 MiB in the same way.
func smallLimits(o *Options) {
	o.Limits = Limits{LayerBytes: 4 << 20, ImageBytes: 6 << 20, ArchiveBytes: 16 << 20, Entries: 100, RatioFree: 1 << 20}
}

// edited replaces a document of an archive's entries.
func edited(entries []imagetest.File, name string, edit func(string) string) []imagetest.File {
	for i, e := range entries {
		if e.Name == name {
			entries[i].Body = []byte(edit(string(e.Body)))
		}
	}
	return entries
}

// layered is an image with the given layers.
func layered(layers ...[]imagetest.File) imagetest.Image {
	img := imagetest.Image{Tags: []string{"bad:1"}}
	for _, files := range layers {
		img.Layers = append(img.Layers, imagetest.Layer{Files: files})
	}
	return img
}

// hostileArchives is the corpus of whole archives. The key is the class that the refusal must have, with a remark behind '#'.
// Layers and configurations have corpora of their own in image/unpack and image/config; a few of each are here to show that
// nothing on the way lets them pass.
func hostileArchives() map[string][]byte {
	good := one("bad:1", "f", "x")
	docker := func(edit func([]imagetest.File) []imagetest.File) []byte {
		return imagetest.Tar(edit(imagetest.DockerEntries(good))...)
	}
	oci := func(edit func([]imagetest.File) []imagetest.File) []byte {
		return imagetest.Tar(edit(imagetest.OCIEntries(good))...)
	}
	add := func(f ...imagetest.File) func([]imagetest.File) []imagetest.File {
		return func(e []imagetest.File) []imagetest.File { return append(e, f...) }
	}
	index := func(edit func(string) string) []byte {
		return oci(func(e []imagetest.File) []imagetest.File { return edited(e, "index.json", edit) })
	}
	items := func(edit func(string) string) []byte {
		return docker(func(e []imagetest.File) []imagetest.File { return edited(e, "manifest.json", edit) })
	}
	replace := func(old, with string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, with, 1) }
	}
	config := func(edit func([]byte) []byte) []byte {
		img := good
		img.EditConfig = edit
		return imagetest.DockerArchive(img)
	}
	manifest := func(edit func([]byte) []byte) []byte {
		img := good
		img.EditManifest = edit
		return imagetest.OCIArchive(img)
	}
	built := good.Build()
	layerName := built.Layers[0].Descriptor.Digest.Encoded() + "/layer.tar"
	configName := built.Config.Descriptor.Digest.Encoded() + ".json"
	many := make([][]imagetest.File, 128)
	for i := range many {
		many[i] = []imagetest.File{imagetest.Reg(fmt.Sprint(i), "")}
	}
	nodes := make([]imagetest.File, 101)
	for i := range nodes {
		nodes[i] = imagetest.Reg(fmt.Sprint(i), "")
	}
	return map[string][]byte{
		// The outer archive.
		"path-traversal":          docker(add(imagetest.Reg("../../evil", "x"))),
		"path-absolute":           docker(add(imagetest.Reg("/etc/evil", "x"))),
		"archive-entry-type":      docker(add(imagetest.File{Name: "sda", Type: tar.TypeBlock})),
		"archive-entry-type#fifo": docker(add(imagetest.File{Name: "pipe", Type: tar.TypeFifo})),
		"archive-link":            docker(add(imagetest.Symlink("evil", "/etc/passwd"))),
		"archive-link#up":         docker(add(imagetest.Symlink("a/evil", "../../etc/passwd"))),
		"archive-link#hard":       docker(add(imagetest.Hardlink("evil", "../etc/passwd"))),
		"entry-type#layer is a link to a link": imagetest.Tar(append(imagetest.DockerEntries(good)[:1], imagetest.Symlink("x", "y"), imagetest.Symlink("y", layerName), imagetest.Reg(layerName, ""),
			imagetest.Reg("manifest.json", `[{"Config":"`+configName+`","Layers":["x"]}]`))...),
		"entry-missing#layer is a link to nowhere": imagetest.Tar(append(imagetest.DockerEntries(good)[:1], imagetest.Symlink(layerName, "../etc/passwd"), imagetest.DockerEntries(good)[2])...),
		"duplicate-entry":                          docker(add(imagetest.Reg("manifest.json", "[]"))),
		"duplicate-entry#layer":                    docker(add(imagetest.Reg("./"+layerName, "x"))),
		"duplicate-entry#link":                     docker(add(imagetest.Symlink(layerName, configName))),
		"pax-global": docker(add(imagetest.File{Name: "g", Edit: func(h *tar.Header) {
			*h = tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "x"}}
		}})),
		"blob-name#algorithm":     oci(add(imagetest.Reg("blobs/md5/d41d8cd98f00b204e9800998ecf8427e", "x"))),
		"blob-name#upper":         oci(add(imagetest.Reg("blobs/sha256/"+strings.Repeat("A", 64), "x"))),
		"digest-mismatch":         oci(add(imagetest.Reg("blobs/sha256/"+strings.Repeat("a", 64), "x"))),
		"tar-malformed":           []byte(strings.Repeat("this is not a tar at all", 100)),
		"tar-malformed#cut":       imagetest.DockerArchive(good)[:700],
		"decompression-bomb":      imagetest.Gzip(imagetest.Tar(imagetest.Reg("zeros", strings.Repeat("\x00", 8<<20)))),
		"compression-unsupported": []byte("\xfd7zXZ\x00 and so on"),
		"archive-too-large":       docker(add(imagetest.Reg("a", strings.Repeat("a", 10<<20)), imagetest.Reg("b", strings.Repeat("b", 10<<20)))),
		"document-too-large": docker(func(e []imagetest.File) []imagetest.File {
			return edited(e, "manifest.json", func(s string) string { return s + strings.Repeat(" ", 5<<20) })
		}),
		"not-an-image-archive":       imagetest.Tar(imagetest.Dir("etc"), imagetest.Reg("etc/passwd", "root")),
		"not-an-image-archive#empty": imagetest.Tar(),
		// manifest.json and index.json.
		"json-duplicate-key":       items(replace(`"Config":`, `"Config":"x","Config":`)),
		"json-key-case":            items(replace(`"Config":`, `"config":`)),
		"json-malformed":           items(func(string) string { return `[{` }),
		"json-type":                items(func(string) string { return `{"Config":"x"}` }),
		"no-image":                 items(func(string) string { return `[]` }),
		"path-traversal#config":    items(replace(configName, "../../../etc/passwd")),
		"path-absolute#layer":      items(replace(layerName, "/etc/passwd")),
		"entry-missing#config":     items(replace(configName, "other.json")),
		"entry-type#config":        items(replace(configName, "manifest.json")),
		"reference":                items(replace("bad:1", "../../bad:1")),
		"reference#digest":         items(replace("bad:1", "bad@"+digest.FromString("x").String())),
		"reference#newline":        items(replace("bad:1", `bad\n:1`)),
		"too-many-layers":          imagetest.DockerArchive(layered(many...)),
		"too-many-layers#oci":      imagetest.OCIArchive(layered(many...)),
		"ambiguous-name":           imagetest.DockerArchive(good, one("bad:1", "g", "y")),
		"ambiguous-name#oci":       imagetest.OCIArchive(good, one("bad:1", "g", "y")),
		"archive-ambiguous":        oci(add(imagetest.DockerEntries(one("bad:1", "g", "y"))...)),
		"archive-ambiguous#name":   imagetest.Tar(append(imagetest.OCIEntries(good, one("other:1", "g", "y")), dockerOnly(one("bad:1", "g", "y"))...)...),
		"layout-marker":            oci(func(e []imagetest.File) []imagetest.File { return edited(e, "oci-layout", replace("1.0.0", "9")) }),
		"layout-marker#missing":    oci(func(e []imagetest.File) []imagetest.File { return append(e[:2:2], e[3:]...) }),
		"size-mismatch":            index(replace(`"size":`, `"size":1`)),
		"digest-malformed":         index(replace(`"digest":"sha256:`, `"digest":"sha256:../`)),
		"media-type":               index(replace(ocispec.MediaTypeImageManifest, "text/html")),
		"media-type-mismatch#kind": index(replace(ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex)),
		"foreign-url":              index(replace(`"size":`, `"urls":["http://169.254.169.254/"],"size":`)),
		// Manifests.
		"manifest-ambiguous":  manifest(func(b []byte) []byte { return append(b[:len(b)-1], `,"manifests":[]}`...) }),
		"media-type-mismatch": manifest(func(b []byte) []byte { return bytes.Replace(b, []byte("layer.v1.tar"), []byte("layer.v1.tar+gzip"), 1) }),
		"blob-missing": manifest(func(b []byte) []byte {
			return bytes.Replace(b, []byte(built.Layers[0].Descriptor.Digest.Encoded()), []byte(strings.Repeat("a", 64)), 1)
		}),
		"size-mismatch#layer": manifest(func(b []byte) []byte { return bytes.Replace(b, []byte(`"size":2048`), []byte(`"size":2049`), 1) }),
		"layer-count-mismatch": manifest(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"layers":[`), []byte(`"layers":[`+mustDescriptor(built.Layers[0])+`,`), 1)
		}),
		// Configurations and layers, end to end.
		"diff-id-mismatch": imagetest.DockerArchive(imagetest.Image{Tags: []string{"bad:1"}, Layers: []imagetest.Layer{{Files: []imagetest.File{imagetest.Reg("f", "x")}, DiffID: digest.FromString("other")}}}),
		"config-platform":  config(func(b []byte) []byte { return bytes.Replace(b, []byte(`"os":"linux"`), []byte(`"os":"plan9"`), 1) }),
		"config-user": config(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"config":{`), []byte(`"config":{"User":"4294967295"`), 1)
		}),
		"config-working-dir": config(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"config":{`), []byte(`"config":{"WorkingDir":"/proc/self/fd/7"`), 1)
		}),
		"config-volumes": config(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"config":{`), []byte(`"config":{"Volumes":{"/../../../etc":{}}`), 1)
		}),
		"size-out-of-range#config": config(func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 5<<20)...) }),
		"symlink-traversal":        imagetest.DockerArchive(layered([]imagetest.File{imagetest.Symlink("a", "/etc"), imagetest.Reg("a/passwd", "x")})),
		"symlink-earlier-layer":    imagetest.DockerArchive(layered([]imagetest.File{imagetest.Symlink("a", "/etc")}, []imagetest.File{imagetest.Reg("a/passwd", "x")})),
		"device-node":              imagetest.OCIArchive(layered([]imagetest.File{imagetest.Reg("ok", "")}, []imagetest.File{{Name: "sda", Type: tar.TypeBlock}})),
		"xattr-overlay":            imagetest.DockerArchive(layered([]imagetest.File{{Name: "d/", Xattrs: map[string]string{"trusted.overlay.redirect": "/etc"}}})),
		"too-many-entries":         imagetest.DockerArchive(layered(nodes)),
		"layer-too-large":          imagetest.DockerArchive(imagetest.Image{Tags: []string{"bad:1"}, Layers: []imagetest.Layer{{Files: []imagetest.File{imagetest.Reg("f", noise(5<<20))}, Compression: "zstd"}}}),
		"size-out-of-range#layer":  imagetest.DockerArchive(layered([]imagetest.File{imagetest.Reg("f", noise(5<<20))})),
		"image-too-large":          imagetest.DockerArchive(layered([]imagetest.File{imagetest.Reg("f", strings.Repeat("abcdefgh", 460<<10))}, []imagetest.File{imagetest.Reg("g", strings.Repeat("ijklmnop", 460<<10))})),
		"decompression-bomb#layer": imagetest.DockerArchive(imagetest.Image{Tags: []string{"bad:1"}, Layers: []imagetest.Layer{{Files: []imagetest.File{imagetest.Reg("f", strings.Repeat("\x00", 3<<20))}, Compression: "gzip"}}}),
	}
}

// noise is n bytes that compress to about half.
func noise(n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	for i := range b {
		b[i] &= 15
	}
	return string(b)
}

// dockerOnly is the manifest.json of an image with the files that it names.
func dockerOnly(img imagetest.Image) []imagetest.File { return imagetest.DockerEntries(img) }

// mustDescriptor is a blob's descriptor as JSON.
func mustDescriptor(b imagetest.Blob) string {
	data, err := json.Marshal(b.Descriptor)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func TestLoadRefusesHostileArchives(t *testing.T) {
	s := openStore(t, smallLimits)
	t.Run("unpacked afterwards", func(t *testing.T) { refuseAll(t, s) })
	s.streamFrom = 0
	t.Run("unpacked while read", func(t *testing.T) { refuseAll(t, s) })
}

// refuseAll loads the corpus into a store that is empty and stays so.
func refuseAll(t *testing.T, s *Store) {
	for name, data := range hostileArchives() {
		t.Run(name, func(t *testing.T) {
			_, err := s.Load(ctx, bytes.NewReader(data), nil)
			want, _, _ := strings.Cut(name, "#")
			if got := class(err); got != want {
				t.Fatalf("got class %q (%v), want %q", got, err, want)
			}
			if !errors.Is(err, errdefs.ErrInvalidArgument) {
				t.Errorf("%v is no invalid argument", err)
			}
			if left := remains(t, s); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// FuzzLoad feeds whole archives to a store; whatever happens, the store stays consistent.
func FuzzLoad(f *testing.F) {
	for _, data := range hostileArchives() {
		if len(data) < 32<<10 {
			f.Add(data)
		}
	}
	f.Add(imagetest.DockerArchive(one("good:1", "f", "x")))
	f.Add(imagetest.OCIArchive(one("good:1", "f", "x")))
	s := openStore(f, smallLimits)
	f.Fuzz(func(t *testing.T, data []byte) {
		s.streamFrom = int64(len(data)%2) << 20
		images, err := s.Load(ctx, bytes.NewReader(data), nil)
		if err != nil && class(err) == "?" {
			t.Errorf("%v is no refusal", err)
		}
		for _, img := range images {
			if _, err := s.Rootfs(ctx, img); err != nil {
				t.Errorf("a loaded image has no root filesystem: %v", err)
			}
			if _, err := s.Remove(ctx, img.ID.String(), RemoveOptions{Force: true}); err != nil {
				t.Error(err)
			}
		}
		if left := remains(t, s); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}
