package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"runtime"
	"time"
)

// Image is an image in an archive as `docker save` wrote it up to Docker 24.
type Image struct {
	Name string
	// Layers are tars, compressed or not.
	Layers [][]byte
	// DiffIDs are the digests of the uncompressed layers, "sha256:…"; nil stands for those of Layers.
	DiffIDs []string
	// Config is the part of the configuration of that name.
	Config map[string]any
	// Document replaces the configuration as a whole, when it is set.
	Document []byte
}

// Archive is the image in a tar.
func (i Image) Archive() []byte { return Tar(i.Entries()...) }

// Entries are the entries of Archive, the manifest last.
func (i Image) Entries() []Entry {
	config := i.document()
	name := Digest(config) + ".json"
	entries := []Entry{{Name: name, Mode: 0o644, Body: config}}
	layers, seen := []string{}, map[string]bool{}
	for _, l := range i.Layers {
		layer := Digest(l) + ".tar"
		if layers = append(layers, layer); !seen[layer] {
			entries = append(entries, Entry{Name: layer, Mode: 0o644, Body: l})
		}
		seen[layer] = true
	}
	manifest, _ := json.Marshal([]map[string]any{{"Config": name, "RepoTags": []string{i.Name}, "Layers": layers}}) // of strings alone: cannot fail
	return append(entries, Entry{Name: "manifest.json", Mode: 0o644, Body: manifest})
}

func (i Image) document() []byte {
	if i.Document != nil {
		return i.Document
	}
	ids := i.DiffIDs
	if ids == nil {
		ids = []string{}
		for _, l := range i.Layers {
			ids = append(ids, "sha256:"+Digest(l))
		}
	}
	config := map[string]any{"WorkingDir": "/"}
	maps.Copy(config, i.Config)
	document, _ := json.Marshal(map[string]any{ // what scenes put in can be encoded
		"architecture": runtime.GOARCH, "os": "linux", "created": time.Unix(0, 0).UTC(), "config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": ids},
	})
	return document
}

// Digest is the SHA-256 of data, in hexadecimal.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Base is what every root filesystem of an attack holds.
func Base() []Entry {
	entries := []Entry{Dir("dev"), Dir("etc"), Dir("proc"), Dir("run"), Dir("sys"), {Name: "tmp/", Mode: 0o1777}, Dir("var"), {Name: "var/tmp/", Mode: 0o1777}}
	return append(entries,
		File("etc/passwd", "root:x:0:0:root:/:/bailey-probe\nnobody:x:65534:65534:nobody:/:/bailey-probe\n"),
		File("etc/group", "root:x:0:\nnobody:x:65534:\n"))
}
