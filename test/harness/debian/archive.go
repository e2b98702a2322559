package debian

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// layer is a layer's uncompressed tar in the cache.
type layer struct {
	path   string
	digest digest.Digest
}

// keepDigest computes the digest of the tar and leaves it beside it.
func keepDigest(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	d, err := digest.FromReader(file)
	if err != nil {
		return err
	}
	return os.WriteFile(path+".digest", []byte(d), 0o644)
}

// openLayer reads what keepDigest left.
func openLayer(path string) (layer, error) {
	text, err := os.ReadFile(path + ".digest")
	if err != nil {
		return layer{}, err
	}
	d, err := digest.Parse(string(text))
	return layer{path, d}, err
}

// archive writes the layers and the image's own files as a docker-archive: configuration, layers, manifest.json. It streams, as a
// layer may be hundreds of megabytes.
func (i Image) archive(to io.Writer, layers []layer) error {
	w := tar.NewWriter(to)
	config := dockerspec.DockerOCIImage{Config: i.Config}
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.RootFS.Type = "layers"
	item := imagetest.DockerItem{Config: "config.json", RepoTags: []string{i.Tag}}
	for _, l := range layers {
		name := l.digest.Encoded() + "/layer.tar"
		if err := copyFile(w, name, l.path); err != nil {
			return err
		}
		item.Layers = append(item.Layers, name)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.digest)
	}
	if len(i.Files) > 0 {
		files := imagetest.Tar(i.Files...)
		item.Layers = append(item.Layers, "files/layer.tar")
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(files))
		if err := put(w, "files/layer.tar", files); err != nil {
			return err
		}
	}
	for name, document := range map[string]any{item.Config: config, "manifest.json": []imagetest.DockerItem{item}} {
		text, err := json.Marshal(document)
		if err != nil {
			return err
		}
		if err := put(w, name, text); err != nil {
			return err
		}
	}
	return w.Close()
}

// put writes one regular file.
func put(w *tar.Writer, name string, data []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// copyFile writes a file of the cache.
func copyFile(w *tar.Writer, name, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return err
}

// layerTar rewrites the tar of an overlay's upper directory as a layer of an image: what overlayfs keeps in device nodes and
// attributes, the image specification (layer.md, "Representing Changes") keeps in names.
func layerTar(from io.Reader, to io.Writer) error {
	r, w := tar.NewReader(from), tar.NewWriter(to)
	for {
		header, err := r.Next()
		if err == io.EOF {
			return w.Close()
		}
		if err != nil {
			return fmt.Errorf("the tar of a layer: %w", err)
		}
		name := filepath.Clean(header.Name)
		if first, _, _ := strings.Cut(name, "/"); first == "dev" || name == "." {
			continue // the engine's business; an image that brings device nodes is refused
		}
		switch {
		case header.Typeflag == tar.TypeChar && header.Devmajor == 0 && header.Devminor == 0:
			header.Typeflag, header.Name = tar.TypeReg, filepath.Join(filepath.Dir(name), ".wh."+filepath.Base(name))
		case header.Typeflag == tar.TypeDir && header.PAXRecords["SCHILY.xattr.trusted.overlay.opaque"] == "y":
			mark := &tar.Header{Name: filepath.Join(name, ".wh..wh..opq"), Mode: 0o644}
			if err := w.WriteHeader(clean(header)); err != nil {
				return err
			}
			header = mark
		}
		if err := w.WriteHeader(clean(header)); err != nil {
			return fmt.Errorf("the tar of a layer: %s: %w", name, err)
		}
		if _, err := io.Copy(w, r); err != nil {
			return fmt.Errorf("the tar of a layer: %s: %w", name, err)
		}
	}
}

// clean keeps what images carry, and drops extended attributes of overlayfs and of the machine.
func clean(h *tar.Header) *tar.Header {
	return &tar.Header{
		Typeflag: h.Typeflag, Name: h.Name, Linkname: h.Linkname, Size: h.Size, Mode: h.Mode, Uid: h.Uid, Gid: h.Gid,
		ModTime: h.ModTime, Devmajor: h.Devmajor, Devminor: h.Devminor,
	}
}
