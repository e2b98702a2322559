package scenes

import (
	"archive/tar"
	"bytes"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/archive"
	"github.com/bailey-run/bailey/internal/prove/scene"
)

// outer is an archive with a harmless image, whose entries are changed.
func outer(change func([]archive.Entry) []archive.Entry) func() []byte {
	return func() []byte { return archive.Tar(change(harmless().Entries())...) }
}

func harmless() archive.Image {
	return archive.Image{Name: scene.Image, Layers: [][]byte{archive.Tar(archive.File("f", "x"))}}
}

// unchanged is the twin of what adds an entry to an archive.
var unchanged = outer(func(list []archive.Entry) []archive.Entry { return list })

// with is an archive with more entries than it needs.
func with(more ...archive.Entry) func() []byte {
	return outer(func(list []archive.Entry) []archive.Entry { return append(list, more...) })
}

// edited is an archive in whose manifest something is replaced.
func edited(old, replacement string) func() []byte {
	return outer(func(list []archive.Entry) []archive.Entry {
		manifest := &list[len(list)-1]
		manifest.Body = bytes.Replace(manifest.Body, []byte(old), []byte(replacement), 1)
		return list
	})
}

// outers are archives that lie about what they hold.
func outers() []pair {
	layer := archive.Digest(harmless().Layers[0]) + ".tar"
	other := "sha256:" + strings.Repeat("a", 64)
	lying := func() []byte {
		img := harmless()
		img.DiffIDs = []string{other}
		return img.Archive()
	}
	linked := outer(func(list []archive.Entry) []archive.Entry {
		for i := range list {
			if list[i].Name == layer {
				list[i] = archive.Symlink(layer, "/etc/passwd")
			}
		}
		return list
	})
	const ambiguous, importer = "GHSA-xmmx-7jpf-fx42", "CVE-2014-6407"
	return []pair{
		{"archive-traversal", "have the archive itself unpacked above its place", importer, with(archive.File("../../evil", "x")), with(archive.File("evil", "x")), false},
		{"archive-absolute", "have the archive itself unpacked to /etc", importer, with(archive.File("/etc/evil", "x")), with(archive.File("evil", "x")), false},
		{"archive-device", "bring the node of a disk beside the image", importer, with(archive.Entry{Name: "sda", Mode: 0o666, Type: tar.TypeBlock}), unchanged, false},
		{"archive-link", "bring a link to a file of the host beside the image", "CVE-2014-9358", with(archive.Symlink("evil", "/etc/passwd")), unchanged, false},
		{"layer-is-link", "have a file of the host read as a layer", "CVE-2014-9358", linked, unchanged, false},
		{"layer-path", "have a layer read by an absolute name", "CVE-2014-9358", edited(layer, "/etc/passwd"), unchanged, false},
		{"layer-traversal", "have a layer read from above the archive", "CVE-2014-9358", edited(layer, "../../../etc/passwd"), unchanged, false},
		{"wrong-diff-id", "bring another layer than the configuration names", ambiguous, lying, unchanged, false},
		{"two-manifests", "bring two manifests, of which one may be checked and the other used", ambiguous, with(archive.File("manifest.json", "[]")), unchanged, false},
		{"key-twice", "give a key of the manifest twice", ambiguous, edited(`"Config":`, `"Config":"x","Config":`), unchanged, false},
		{"other-case", "give a key of the manifest in another case", ambiguous, edited(`"Config":`, `"config":`), unchanged, false},
		{"name-traversal", "give the image a name that is a path", "CVE-2014-9358", edited(`"RepoTags":["`, `"RepoTags":["../../`), unchanged, false},
		{"name-newline", "give the image a name with a line break", "CVE-2014-9358", edited(`"RepoTags":["`, `"RepoTags":["a\nb`), unchanged, false},
		{"cut-short", "bring an archive that ends early", "tar(5)", cut, unchanged, false},
	}
}

func cut() []byte { return unchanged()[:1200] }
