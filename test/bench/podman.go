package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// podman keeps its images and containers in a directory of its own and has no daemon.
type podman struct {
	name, path, dir string
	room            *harness.Room
}

// startPodman prepares a room and loads the image.
func startPodman(ctx context.Context, path string, archive []byte) (*podman, error) {
	version, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, err
	}
	p := &podman{name: "podman " + strings.TrimPrefix(strings.TrimSpace(string(version)), "podman version "), path: path}
	if err := p.prepare(ctx, archive); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// prepare makes the directory and the room.
func (p *podman) prepare(ctx context.Context, archive []byte) (err error) {
	if p.dir, err = os.MkdirTemp("", "bailey-bench-"); err != nil {
		return err
	}
	if err := os.Chmod(p.dir, 0o711); err != nil {
		return err
	}
	if p.room, err = harness.NewRoom(); err != nil {
		return err
	}
	if err := p.room.Do(func() error {
		if err := plainCgroups(); err != nil {
			return err
		}
		return harness.Hide("/run/containers", "/run/libpod", "/run/netns", "/run/crun", "/var/lib/containers", "/var/lib/cni", "/etc/cni/net.d")
	}); err != nil {
		return err
	}
	file := filepath.Join(p.dir, "image.tar")
	if err := os.WriteFile(file, archive, 0o600); err != nil {
		return err
	}
	return p.Run(ctx, "load", "-q", "-i", file)
}

// Name is the engine's and its version.
func (p *podman) Name() string { return p.name }

// Run runs a verb of podman inside the room.
func (p *podman) Run(ctx context.Context, args ...string) error {
	global := []string{"--root", p.dir + "/data", "--runroot", p.dir + "/run", "--tmpdir", p.dir + "/tmp", "--cgroup-manager", "cgroupfs", "--events-backend", "file"}
	if args[0] == "run" {
		// By default podman raises limits further than a root user without CAP_SYS_RESOURCE may, and then fails.
		args = append([]string{"run", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--cgroup-parent", "/" + filepath.Base(p.dir)}, args[1:]...)
	}
	cmd := exec.CommandContext(ctx, p.path, append(global, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := p.room.Start(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("podman %s: %w: %s", strings.Join(args, " "), err, out.String())
	}
	return nil
}

// Build builds an image, which podman does with buildah's code.
func (p *podman) Build(ctx context.Context, tag, dir string) error {
	return p.Run(ctx, "build", "-q", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--cgroup-parent", "/"+filepath.Base(p.dir), "-t", tag, dir)
}

// API is nil: there is no daemon.
func (p *podman) API() *client.Client { return nil }

// Processes are the monitors, of which there is one for each container.
func (p *podman) Processes() ([]int, error) { return below("conmon", p.dir) }

// Close removes everything.
func (p *podman) Close() error {
	var failed []error
	if p.room != nil {
		failed = append(failed, p.Run(context.Background(), "rm", "-a", "-f", "-t", "0"),
			p.room.Do(func() error { return harness.UnmountBelow(p.dir) }))
		p.room.Close()
	}
	harness.RemoveCgroups(filepath.Base(p.dir))
	return errors.Join(append(failed, os.RemoveAll(p.dir))...)
}
