package debian

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// installOnTop installs packages in an overlay over the base and writes the tar of what they added. The first two arguments are
// the base's tar and the overlay's options; the rest is a command line that installs in the directory root. Its standard input is
// a tar of files that are there before.
const installOnTop = `
base=$1 overlay=$2
shift 2
mkdir base upper work root
tar -xpf "$base" -C base
tar -xpf - -C upper
mount -t overlay -o "lowerdir=base,upperdir=upper,workdir=work,$overlay" overlay root
"$@" </dev/null >&2
umount root
exec tar -c --format=posix --xattrs --xattrs-include=trusted.overlay.opaque --numeric-owner -C upper .
`

// plainOverlay keeps overlayfs from writing what only it can read.
const plainOverlay = "redirect_dir=off,metacopy=off,index=off"

// makePackages makes the layer with packages and what they depend on.
func makePackages(ctx context.Context, c cache, b base, packages []string, before []imagetest.File) (layer, error) {
	files := imagetest.Tar(before...)
	parts := append([]string{string(b.digest), string(files), installOnTop}, options...)
	dir, err := c.entry(packages[0], append(parts, packages...), func(dir string) error {
		file, err := os.Create(filepath.Join(dir, "layer.tar"))
		if err != nil {
			return err
		}
		defer file.Close()
		args := append([]string{b.path, plainOverlay}, arguments("custom")...)
		args = append(args, "--skip=check/empty", "--format=directory",
			"--setup-hook=tar-in "+b.lists+" /var/lib/apt",
			"--include="+strings.Join(packages, ","), b.from.release, "root")
		read, write := io.Pipe()
		done := make(chan error, 1)
		go func() {
			err := layerTar(read, file)
			_, rest := io.Copy(io.Discard, read) // tar pads its last block
			read.CloseWithError(err)
			done <- errors.Join(err, rest)
		}()
		err = inScratch(ctx, installOnTop, bytes.NewReader(files), write, append(args, b.from.files...)...)
		write.CloseWithError(err)
		if err := errors.Join(err, <-done); err != nil {
			return err
		}
		return keepDigest(file.Name())
	})
	if err != nil {
		return layer{}, err
	}
	return openLayer(filepath.Join(dir, "layer.tar"))
}
