package harness

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// Load loads an archive of images (docker-archive or OCI layout) into the node.
func (n *Node) Load(ctx context.Context, archive []byte) error {
	return n.LoadFrom(ctx, bytes.NewReader(archive))
}

// LoadFrom is Load for an archive that is read as it is sent.
func (n *Node) LoadFrom(ctx context.Context, archive io.Reader) error {
	result, err := n.Client.ImageLoad(ctx, archive)
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

// applets are the names under which the busybox of BusyboxArchive and BusyboxTree can be called.
var applets = []string{"sh", "true", "false", "sleep", "cat", "echo", "ls"}

// BusyboxArchive is a docker-archive of a small image around the machine's static busybox, for programs; tests use
// imagetest.Busybox.
func BusyboxArchive(tag string) ([]byte, error) {
	busybox, err := staticBusybox()
	if err != nil {
		return nil, err
	}
	files := []imagetest.File{
		imagetest.Dir("bin"), imagetest.Exec("bin/busybox", busybox), imagetest.Dir("etc"),
		imagetest.Reg("etc/passwd", "root:x:0:0:root:/:/bin/sh\n"), imagetest.Reg("etc/group", "root:x:0:\n"),
	}
	for _, name := range applets {
		files = append(files, imagetest.Symlink("bin/"+name, "busybox"))
	}
	img := imagetest.Image{Tags: []string{tag}, Layers: []imagetest.Layer{{Files: files}}}
	img.Config.Config.Env = []string{"PATH=/bin"}
	img.Config.Config.Cmd = []string{"sh"}
	img.Config.History = []ocispec.History{{CreatedBy: "busybox"}} // buildah counts them against the layers
	return imagetest.DockerArchive(img), nil
}

// BusyboxTree lays the same files into dir, owned by the user and group id owner.
func BusyboxTree(dir string, owner int) error {
	busybox, err := staticBusybox()
	if err != nil {
		return err
	}
	// Mount points, which a runtime cannot make itself in a read-only root.
	for _, name := range []string{"", "bin", "dev", "etc", "proc", "run", "sys", "tmp", "var", "var/tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/busybox"), busybox, 0o755); err != nil {
		return err
	}
	for _, name := range applets {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			return err
		}
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, owner, owner)
	})
}

// staticBusybox is the first busybox of this machine that needs no other file.
func staticBusybox() ([]byte, error) {
	for _, path := range []string{"/bin/busybox", "/usr/bin/busybox", "/sbin/busybox"} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		program, err := elf.NewFile(bytes.NewReader(text))
		if err != nil {
			continue
		}
		static := true
		for _, p := range program.Progs {
			static = static && p.Type != elf.PT_INTERP
		}
		if static {
			return text, nil
		}
	}
	return nil, errors.New("no static busybox on this machine; run: apt-get install busybox-static")
}
