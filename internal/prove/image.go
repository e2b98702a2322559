package prove

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"runtime"
	"time"
)

// imageName is the image that holds the program which attacks.
const imageName = "bailey.local/prove:current"

// programPath is where the program lies in the image.
const programPath = "/bailey-probe"

// entry is one entry of a layer or an archive.
type entry struct {
	name string
	mode int64
	body []byte
}

// archive is an image, as `docker save` writes it, that holds the program and
// what its attempts look for.
func archive(program []byte) (image []byte, layerID string) {
	layer := tarOf([]entry{
		{"dev/", 0o755, nil}, {"etc/", 0o755, nil}, {"proc/", 0o755, nil}, {"run/", 0o755, nil}, {"sys/", 0o755, nil},
		{"tmp/", 0o1777, nil}, {"var/", 0o755, nil}, {"var/tmp/", 0o1777, nil},
		{"etc/passwd", 0o644, []byte("root:x:0:0:root:/:/bailey-probe\nnobody:x:65534:65534:nobody:/:/bailey-probe\n")},
		{"etc/group", 0o644, []byte("root:x:0:\nnobody:x:65534:\n")},
		{programPath[1:], 0o755, program},
	})
	sum := sha256.Sum256(layer)
	config, _ := json.Marshal(map[string]any{ // of strings alone: cannot fail
		"architecture": runtime.GOARCH, "os": "linux", "created": time.Unix(0, 0).UTC(),
		"config": map[string]any{"Entrypoint": []string{programPath}, "WorkingDir": "/"},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	name := sha256.Sum256(config)
	manifest, _ := json.Marshal([]map[string]any{{
		"Config": hex.EncodeToString(name[:]) + ".json", "RepoTags": []string{imageName}, "Layers": []string{"layer.tar"},
	}})
	return tarOf([]entry{
		{hex.EncodeToString(name[:]) + ".json", 0o644, config}, {"layer.tar", 0o644, layer}, {"manifest.json", 0o644, manifest},
	}), "sha256:" + hex.EncodeToString(sum[:])
}

// tarOf writes entries; those whose names end in a slash are directories.
func tarOf(entries []entry) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.body)), Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0)}
		if e.name[len(e.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		_ = w.WriteHeader(h) // into memory
		_, _ = w.Write(e.body)
	}
	_ = w.Close()
	return out.Bytes()
}
