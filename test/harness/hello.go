package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// HelloArchive compiles examples/hello and returns a docker-archive of an image that holds it and nothing else. It serves HTTP at
// port 8080 and runs as nobody.
func HelloArchive(ctx context.Context, tag string) ([]byte, error) {
	top, err := Top()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bailey-hello-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "hello")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", program, "./examples/hello")
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	img := imagetest.Image{
		Tags:   []string{tag},
		Layers: []imagetest.Layer{{Files: []imagetest.File{imagetest.Exec("hello", text)}}},
	}
	img.Config.Config.User = "65534:65534"
	img.Config.Config.Entrypoint = []string{"/hello"}
	img.Config.Config.ExposedPorts = map[string]struct{}{"8080/tcp": {}}
	return imagetest.DockerArchive(img), nil
}
