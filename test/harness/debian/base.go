package debian

import (
	"context"
	"os"
	"path/filepath"
)

// base is what every image stands on.
type base struct {
	layer
	lists string // apt's package lists, as a tar
	from  source
}

// makeBase makes the release's essential packages, once.
func makeBase(ctx context.Context, c cache) (base, error) {
	from, err := ownSource()
	if err != nil {
		return base{}, err
	}
	dir, err := c.entry("base", append([]string{from.release, from.text}, options...), func(dir string) error {
		args := append(arguments("essential"), "--format=tar",
			// Every package layer needs them, and asks only whether they are still the newest.
			"--customize-hook=tar-out /var/lib/apt/lists "+filepath.Join(dir, "lists.tar"),
			from.release, "-")
		tar, err := os.Create(filepath.Join(dir, "layer.tar"))
		if err != nil {
			return err
		}
		defer tar.Close()
		if err := inScratch(ctx, `exec "$@"`, nil, tar, append(args, from.files...)...); err != nil {
			return err
		}
		return keepDigest(tar.Name())
	})
	if err != nil {
		return base{}, err
	}
	l, err := openLayer(filepath.Join(dir, "layer.tar"))
	return base{l, filepath.Join(dir, "lists.tar"), from}, err
}
