package files

import (
	"archive/tar"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// How a layer says that something of the layers below is gone: an empty file with this prefix before the name, or with this
// name for everything in its directory (OCI image-spec, layer.md, "Whiteouts").
const (
	whiteoutPrefix = ".wh."
	opaqueMark     = ".wh..wh..opq"
)

// Layer writes what the upper directory of an overlay has as the tar archive of an image's layer. Only the paths in keep are
// written, so that what became of the directory since they were listed does not get in. Owners are the container's own ids.
// Devices, sockets and set-user-id bits are left out.
func Layer(upper string, keep map[string]bool, w io.Writer) error {
	dir, err := os.OpenFile(upper, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	return pack(dir, ".", &packer{tw: tar.NewWriter(w), mode: 0o1777, oneMount: true, keep: keep, layer: true})
}

// mark writes an empty file.
func (p *packer) mark(name string) error {
	return p.tw.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Format: tar.FormatPAX})
}
