package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// frozen are the names under which the tests expect busybox; hello are those of an image with the one program /hello. The one
// for arm64 has this machine's program: the tests only look whether there is such a name.
var (
	frozen = []string{"busybox:latest", "busybox:glibc", "debian:trixie-slim"}
	hello  = []string{"hello-world:frozen", "hello-world:latest", "hello-world:amd64", "hello-world:arm64"}
)

// images is an archive of all of them.
func images(ctx context.Context) ([]byte, error) {
	busybox, err := imagetest.NewBusybox()
	if err != nil {
		return nil, err
	}
	busybox.Tags = frozen
	program, err := helloProgram(ctx)
	if err != nil {
		return nil, err
	}
	small := imagetest.Image{Tags: hello, Layers: []imagetest.Layer{{Files: []imagetest.File{imagetest.Exec("hello", program)}}}}
	small.Config.Config.Cmd = []string{"/hello"}
	small.Config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	return imagetest.DockerArchive(busybox, small), nil
}

// helloProgram compiles a static program that greets as the image of that name does.
func helloProgram(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "bailey-hello-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	source := "package main\n\nfunc main() { print(\"\\nHello from Docker!\\n\") }\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644); err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", "hello", "main.go")
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GO111MODULE=off", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling hello: %w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "hello"))
}
