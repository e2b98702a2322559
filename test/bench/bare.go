package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bailey-run/bailey/internal/runtime/supervise"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/bailey-run/bailey/test/harness"
)

// bareBase is the first user id of the bare containers; it lies below the ranges that nodes claim.
const bareBase = 0x6fff0000

// bare is an OCI runtime alone, with a bundle whose specification is Bailey's own: same seccomp filter, same
// capabilities, masked paths, limits and namespaces, but no network, no log and nobody who watches over it.
type bare struct {
	name, path, dir string
	room            *harness.Room
}

// bareRuntimes prepares a bundle from a container that Bailey runs, and returns the runtimes to run it with:
// Bailey's own runc and, when installed, crun.
func bareRuntimes(ctx context.Context, b *bailey) (_ []bare, clean func(), err error) {
	dir, err := os.MkdirTemp("", "bailey-bench-bare-")
	if err != nil {
		return nil, nil, err
	}
	room, err := harness.NewRoom()
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	tidy := func() {
		room.Close()
		harness.RemoveCgroups(filepath.Base(dir))
		_ = os.RemoveAll(dir)
	}
	defer func() {
		if err != nil {
			tidy()
		}
	}()
	if err := errors.Join(os.Chmod(dir, 0o711), room.Do(plainCgroups)); err != nil {
		return nil, nil, err
	}
	posture, err := postureOf(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	rootfs := filepath.Join(dir, "rootfs")
	if err := harness.BusyboxTree(rootfs, bareBase); err != nil {
		return nil, nil, err
	}

	runc, err := b.shipped("bailey-runc")
	if err != nil {
		return nil, nil, err
	}
	supervisor, err := b.shipped("bailey-supervisor")
	if err != nil {
		return nil, nil, err
	}
	found := []bare{{"bare runc", runc, filepath.Join(dir, "runc"), room}}
	if path, err := exec.LookPath("crun"); err == nil {
		found = append(found, bare{"bare crun", path, filepath.Join(dir, "crun"), room})
	}
	for _, r := range found {
		own, err := alone(posture, rootfs, "/"+filepath.Base(dir)+"/"+filepath.Base(r.dir), []string{supervisor, supervise.MemfdArg})
		if err != nil {
			return nil, nil, err
		}
		if r.name == "bare crun" {
			own.Version = "1.0.2" // what older ones insist on
		}
		text, err := json.Marshal(own)
		if err != nil {
			return nil, nil, err
		}
		if err := os.MkdirAll(r.dir, 0o711); err != nil {
			return nil, nil, err
		}
		if err := os.WriteFile(filepath.Join(r.dir, "config.json"), text, 0o600); err != nil {
			return nil, nil, err
		}
	}
	return found, tidy, nil
}

// shipped is where the node has unpacked a program that it brings.
func (b *bailey) shipped(name string) (string, error) {
	found, err := filepath.Glob(filepath.Join(b.node.Dir, "bin/*", name))
	if err == nil && len(found) == 0 {
		err = errors.New("it is not there")
	}
	if err != nil {
		return "", fmt.Errorf("%s below %s/bin: %w", name, b.node.Dir, err)
	}
	return found[0], nil
}

// postureOf is the posture that Bailey gives a container by default.
func postureOf(ctx context.Context, b *bailey) (posture sandbox.Posture, err error) {
	api := b.API()
	created, err := api.ContainerCreate(ctx, client.ContainerCreateOptions{Config: &container.Config{Image: imageName, Cmd: []string{"true"}}})
	if err != nil {
		return posture, err
	}
	defer func() {
		_, removed := api.ContainerRemove(ctx, created.ID, client.ContainerRemoveOptions{Force: true})
		err = errors.Join(err, removed)
	}()
	inspected, err := api.ContainerInspect(ctx, created.ID, client.ContainerInspectOptions{})
	if err != nil {
		return posture, err
	}
	var shown struct{ Posture sandbox.Posture }
	return shown.Posture, json.Unmarshal(inspected.Raw, &shown)
}

// alone is the specification of a posture, independent of any node: with new namespaces and no mounts from the host.
func alone(posture sandbox.Posture, rootfs, cgroup string, memfdHook []string) (*specs.Spec, error) {
	spec, err := sandbox.Spec(posture, sandbox.Binding{
		IDBase: bareBase, UserNSPath: "/proc/self/ns/user", NetNSPath: "/proc/self/ns/net", // replaced below
		RootfsPath: rootfs, CgroupPath: cgroup, MemfdHook: memfdHook,
	})
	if err != nil {
		return nil, err
	}
	for i := range spec.Linux.Namespaces {
		spec.Linux.Namespaces[i].Path = ""
	}
	mapping := []specs.LinuxIDMapping{{ContainerID: 0, HostID: bareBase, Size: sandbox.IDs}}
	spec.Linux.UIDMappings, spec.Linux.GIDMappings = mapping, mapping
	spec.Process.Args = []string{"/bin/true"}
	return spec, nil
}

// Name is the runtime's.
func (b bare) Name() string { return b.name }

// Run runs the bundle to its end; the arguments are the engines' and say nothing here.
func (b bare) Run(ctx context.Context, _ ...string) error {
	cmd := exec.CommandContext(ctx, b.path, "--root", b.dir+"/state", "run", "--bundle", b.dir, filepath.Base(b.dir))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := b.room.Start(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", b.path, err, out.String())
	}
	return nil
}
