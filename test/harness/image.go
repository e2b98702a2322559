package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// Load loads an archive of images (docker-archive or OCI layout) into the node.
func (n *Node) Load(ctx context.Context, archive []byte) error {
	result, err := n.Client.ImageLoad(ctx, bytes.NewReader(archive))
	if err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	defer result.Close()
	answer, err := io.ReadAll(io.LimitReader(result, 1<<20))
	if err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	if bytes.Contains(answer, []byte(`"errorDetail"`)) {
		return fmt.Errorf("loading images: the node answered %s", answer)
	}
	return nil
}
