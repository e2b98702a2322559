package engine

import (
	"fmt"
	"os"

	"github.com/bailey-run/bailey/internal/engine/files"
	"github.com/bailey-run/bailey/internal/engine/view"
)

// copyFromLayers copies a directory of an image, as its layers together show
// it, into a volume.
func copyFromLayers(dir string, lower []string, path string) error {
	root, err := view.Open(lower, "", "")
	if err != nil {
		return err
	}
	defer root.Close()
	to, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("volume directory: %w", err)
	}
	defer to.Close()
	return files.CopyTree(root, path, to)
}
