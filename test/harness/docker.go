package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"
)

// Docker is a private dockerd with the containerd that it starts itself, in a room of its own, to compare with.
type Docker struct {
	name string
	dir  string
	path string // PATH of the daemon, so that it finds the programs beside it first
	room *Room
	cmd  *exec.Cmd
	done chan struct{}
	log  *os.File
	api  *client.Client
}

// StartDocker starts the dockerd at path in a room of its own and loads the archive of images.
func StartDocker(ctx context.Context, path string, archive []byte) (*Docker, error) {
	version, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, err
	}
	// "Docker version 20.10.24+dfsg1, build 5d6db84"
	fields := strings.Fields(strings.ReplaceAll(string(version), ",", ""))
	if len(fields) < 3 {
		return nil, fmt.Errorf("unknown version %q", version)
	}
	d := &Docker{name: "docker " + fields[2], path: filepath.Dir(path) + ":" + os.Getenv("PATH")}
	if err := d.start(ctx, path); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.load(ctx, archive); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// start makes the room and the daemon, and waits until it answers.
func (d *Docker) start(ctx context.Context, path string) (err error) {
	if d.dir, err = os.MkdirTemp("", "bailey-docker-"); err != nil {
		return err
	}
	if err := os.Chmod(d.dir, 0o711); err != nil {
		return err
	}
	if d.room, err = NewRoom(); err != nil {
		return err
	}
	// What dockerd, containerd and the shims keep at fixed places, they keep to themselves.
	if err := d.room.Do(func() error {
		return Hide("/run/docker", "/run/containerd", "/var/lib/docker", "/var/lib/containerd", "/etc/docker")
	}); err != nil {
		return err
	}
	if d.log, err = os.Create(filepath.Join(d.dir, "log")); err != nil {
		return err
	}
	d.cmd = exec.Command(path, "--data-root", d.dir+"/data", "--exec-root", d.dir+"/exec", "--pidfile", d.dir+"/pid",
		"-H", d.Host(), "--cgroup-parent", "/"+filepath.Base(d.dir), "--exec-opt", "native.cgroupdriver=cgroupfs")
	d.cmd.Env = append(os.Environ(), "PATH="+d.path)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	if err := d.room.Start(d.cmd); err != nil {
		return err
	}
	d.done = make(chan struct{})
	go func() {
		_ = d.cmd.Wait()
		close(d.done)
	}()
	if d.api, err = client.New(client.WithHost(d.Host())); err != nil {
		return err
	}
	return d.awaitReady(ctx)
}

// Hide mounts an empty directory over each path in the calling thread's mount namespace, after making it if need be.
func Hide(paths ...string) error {
	for _, path := range paths {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", path, "tmpfs", 0, "mode=0755"); err != nil {
			return fmt.Errorf("hiding %s: %w", path, err)
		}
	}
	return nil
}

// awaitReady returns when the daemon answers.
func (d *Docker) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if _, err := d.api.Ping(ctx, client.PingOptions{}); err == nil {
			return nil
		}
		select {
		case <-d.done:
			return fmt.Errorf("the daemon ended: %s", d.tail())
		case <-ctx.Done():
			return fmt.Errorf("the daemon is not ready: %w: %s", ctx.Err(), d.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// load loads the image.
func (d *Docker) load(ctx context.Context, archive []byte) error {
	answer, err := d.api.ImageLoad(ctx, bytes.NewReader(archive))
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	return err
}

// Room is where the daemon runs.
func (d *Docker) Room() *Room { return d.room }

// tail is the end of the daemon's log.
func (d *Docker) tail() string {
	text, _ := os.ReadFile(d.log.Name())
	return string(text[max(0, len(text)-2000):])
}

// Host is where its API listens, as DOCKER_HOST has it.
func (d *Docker) Host() string { return "unix://" + d.dir + "/sock" }

// Name is the engine's and its version.
func (d *Docker) Name() string { return d.name }

// Run runs a verb of the docker command line.
func (d *Docker) Run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+d.Host(), "DOCKER_CONFIG="+d.dir+"/config", "PATH="+d.path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// Build builds an image with BuildKit.
func (d *Docker) Build(ctx context.Context, tag, dir string) error {
	cli, err := d.buildKitCLI(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, cli, "build", "-q", "-t", tag, dir)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+d.Host(), "DOCKER_CONFIG="+d.dir+"/config", "DOCKER_BUILDKIT=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("docker build: %w: %s", err, out)
	}
	return nil
}

// buildKitCLI finds a docker command line that has a client of BuildKit: those before 23 carry it, later ones need
// their buildx plug-in. The one beside the daemon comes first.
func (d *Docker) buildKitCLI(ctx context.Context) (string, error) {
	for _, dir := range append(filepath.SplitList(d.path), "/usr/bin") {
		cli := filepath.Join(dir, "docker")
		version, err := exec.CommandContext(ctx, cli, "--version").Output()
		if err != nil {
			continue
		}
		var major int
		_, err = fmt.Sscanf(string(version), "Docker version %d.", &major)
		if err == nil && (major < 23 || exec.CommandContext(ctx, cli, "buildx", "version").Run() == nil) {
			return cli, nil
		}
	}
	return "", errors.New("no docker command line here can use BuildKit; install docker-buildx, or Debian's docker.io")
}

// API speaks to the daemon.
func (d *Docker) API() *client.Client { return d.api }

// Processes are the daemon, its containerd, the shims and the port proxies: all that share the room's mounts.
func (d *Docker) Processes() ([]int, error) {
	return Sharing(d.cmd.Process.Pid)
}

// Close removes the containers, stops the daemon and removes its files.
func (d *Docker) Close() error {
	var failed []error
	if d.cmd != nil && d.cmd.Process != nil {
		failed = append(failed, RemoveContainers(d.api), d.cmd.Process.Signal(syscall.SIGTERM))
		select {
		case <-d.done:
		case <-time.After(30 * time.Second):
			failed = append(failed, errors.New("dockerd did not end in 30 s"), d.cmd.Process.Kill())
			<-d.done
		}
	}
	if d.api != nil {
		failed = append(failed, d.api.Close())
	}
	if d.room != nil {
		failed = append(failed, d.room.Do(func() error { return UnmountBelow(d.dir) }))
		d.room.Close()
	}
	if d.log != nil {
		failed = append(failed, d.log.Close())
	}
	RemoveCgroups(filepath.Base(d.dir))
	return errors.Join(append(failed, os.RemoveAll(d.dir))...)
}
