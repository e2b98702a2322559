package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// A program is one that others made, built at the version that a nested module pins: it must not weigh on Bailey's own
// go.mod.
type program struct {
	module string // its directory
	pkg    string // the package to build
	stamp  string // the variable that holds its version, and the version; empty for one that knows it
	tells  string // the argument with which it tells its version, or testList
}

// testList is the argument with which a package's tests, built as a program, tell what they are.
const testList = "-test.list=."

// What the tests use, by the name that it has in bin: Compose as a plug-in, a registry with its clients, tests of others.
var programs = map[string]program{
	"bailey-compose":  {"cmd/bailey-compose", "github.com/docker/compose/v5/cmd", "github.com/docker/compose/v5/internal.Version=v5.6.0", "version"},
	"buildx":          {"test/clients/buildx", "github.com/docker/buildx/cmd/buildx", "github.com/docker/buildx/version.Version=v0.38.2", "version"},
	"compose2":        {"test/clients/compose2", "github.com/docker/compose/v2/cmd", "github.com/docker/compose/v2/internal.Version=v2.40.3", "version"},
	"containers.test": {"test/clients/containers", ".", "", testList},
	"crane":           {"test/clients/registry", "github.com/google/go-containerregistry/cmd/crane", "", "version"},
	"regctl":          {"test/clients/registry", "github.com/regclient/regclient/cmd/regctl", "", "version"},
	"registry":        {"test/clients/registry", "github.com/distribution/distribution/v3/cmd/registry", "", "--version"},
}

var built sync.Map // name to func() (string, error)

// Client returns the path of a client program ("bailey-compose" is Compose 5, which `bailey compose` executes, "compose2" the last Compose 2,
// "containers.test" tests that use Testcontainers). It is built when the
// Go command says that bin/NAME is not current, which takes a minute or two once and a second afterwards.
func Client(ctx context.Context, name string) (string, error) {
	once, _ := built.LoadOrStore(name, sync.OnceValues(func() (string, error) { return buildClient(ctx, name) }))
	return once.(func() (string, error))()
}

func buildClient(ctx context.Context, name string) (string, error) {
	c, ok := programs[name]
	if !ok {
		return "", fmt.Errorf("no client %q is known here", name)
	}
	top, err := Top()
	if err != nil {
		return "", err
	}
	path := filepath.Join(top, "bin", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	// Test programs of several packages may want it at the same time.
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", err
	}
	flags := "-s -w"
	if c.stamp != "" {
		flags += " -X " + c.stamp
	}
	args := []string{"build"}
	if c.tells == testList {
		args = []string{"test", "-c"}
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "-buildvcs=false", "-trimpath", "-ldflags", flags, "-o", path, c.pkg)...)
	cmd.Dir = filepath.Join(top, c.module)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", c.pkg, err, out)
	}
	return path, nil
}

// ClientCommand prepares a client program that runs where the node runs, so that it finds published ports.
func (n *Node) ClientCommand(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	path, err := Client(ctx, name)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(n.environment(), "DOCKER_HOST=unix://"+n.Socket)
	return cmd, nil
}

// Compose prepares a command line of a Compose plugin against the node, in a project's directory: as a plug-in of the stock
// docker command line, or by itself where there is none.
func (n *Node) Compose(ctx context.Context, name, dir string, args ...string) (*exec.Cmd, error) {
	path, err := Client(ctx, name)
	if err != nil {
		return nil, err
	}
	config, err := n.plugin(name, "docker-compose", path)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	if HasDocker() {
		cmd = exec.CommandContext(ctx, "docker", append([]string{"compose"}, args...)...)
	}
	cmd.Dir = dir
	cmd.Env = append(n.environment(), "DOCKER_HOST=unix://"+n.Socket, "DOCKER_CONFIG="+config, "PWD="+dir)
	return cmd, nil
}

// ComposeWithBuildx puts buildx beside a Compose plugin, which builds with it from then on.
func (n *Node) ComposeWithBuildx(ctx context.Context, name string) error {
	path, err := Client(ctx, "buildx")
	if err == nil {
		_, err = n.plugin(name, "docker-buildx", path)
	}
	return err
}

// Buildx prepares a command line of buildx as a plug-in of the stock docker command line, against the node. With it, docker
// build is docker buildx build.
func (n *Node) Buildx(ctx context.Context, args ...string) (*exec.Cmd, error) {
	path, err := Client(ctx, "buildx")
	if err != nil {
		return nil, err
	}
	config, err := n.plugin("buildx", "docker-buildx", path)
	if err != nil {
		return nil, err
	}
	cmd := n.DockerCommand(ctx, args...)
	cmd.Env = append(cmd.Env, "DOCKER_CONFIG="+config, "BUILDX_GIT_LABELS=0")
	return cmd, nil
}

// plugin makes a configuration of Docker's that has one plug-in, and returns its directory.
func (n *Node) plugin(name, as, path string) (config string, err error) {
	plugins := filepath.Join(n.base, name, "cli-plugins")
	if err := os.MkdirAll(plugins, 0o700); err != nil {
		return "", err
	}
	if err := os.Symlink(path, filepath.Join(plugins, as)); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return filepath.Dir(plugins), nil
}
