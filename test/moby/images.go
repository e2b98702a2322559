package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// frozen are the names under which the tests expect busybox; hello are those of an image with the one program /hello. The one
// for arm64 has this machine's program: the tests only look whether there is such a name.
var (
	frozen = []string{"busybox:latest", "busybox:glibc", "debian:trixie-slim"}
	hello  = []string{"hello-world:frozen", "hello-world:latest", "hello-world:amd64", "hello-world:arm64"}
)

// The lists of users and groups of the image busybox.
const (
	passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`
	group = `root:x:0:
daemon:x:1:
bin:x:2:
adm:x:4:
wheel:x:10:root
audio:x:29:
www-data:x:33:
staff:x:50:
users:x:100:
nobody:x:65534:
`
)

// images is an archive of all of them.
func images(ctx context.Context) ([]byte, error) {
	busybox, err := imagetest.NewBusybox()
	if err != nil {
		return nil, err
	}
	busybox.Tags = frozen
	if err := allApplets(ctx, &busybox); err != nil {
		return nil, err
	}
	files := busybox.Layers[0].Files
	for i := range files { // the users and groups that the tests know of
		switch files[i].Name {
		case "etc/passwd":
			files[i] = imagetest.Reg("etc/passwd", passwd)
		case "etc/group":
			files[i] = imagetest.Reg("etc/group", group)
		}
	}
	program, err := helloProgram(ctx)
	if err != nil {
		return nil, err
	}
	small := imagetest.Image{Tags: hello, Layers: []imagetest.Layer{{Files: []imagetest.File{imagetest.Exec("hello", program)}}}}
	small.Config.Config.Cmd = []string{"/hello"}
	small.Config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	return imagetest.DockerArchive(busybox, small), nil
}

// allApplets makes every program of the busybox callable, as in the image of that name.
func allApplets(ctx context.Context, img *imagetest.Image) error {
	list, err := exec.CommandContext(ctx, "busybox", "--list").Output()
	if err != nil {
		return fmt.Errorf("listing what busybox has: %w", err)
	}
	files := &img.Layers[0].Files
	has := map[string]bool{}
	for _, f := range *files {
		has[f.Name] = true
	}
	for _, applet := range strings.Fields(string(list)) {
		if name := "bin/" + applet; !has[name] {
			*files = append(*files, imagetest.Symlink(name, "busybox"))
		}
	}
	return nil
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
