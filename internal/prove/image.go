package prove

import "github.com/bailey-run/bailey/internal/prove/archive"

// imageName is the image that holds the program which attacks.
const imageName = "bailey.local/prove:current"

// programPath is where the program lies in the image.
const programPath = "/bailey-probe"

// programImage is an archive with an image that holds the program and what
// its attempts look for, and the digest of its only layer.
func programImage(program []byte) (image []byte, layerID string) {
	layer := archive.Tar(append(archive.Base(), archive.Entry{Name: programPath[1:], Mode: 0o755, Body: program})...)
	return archive.Image{
		Name: imageName, Layers: [][]byte{layer}, Config: map[string]any{"Entrypoint": []string{programPath}},
	}.Archive(), "sha256:" + archive.Digest(layer)
}
