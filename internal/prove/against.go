package prove

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/prove/registry"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/client"
)

// Against attacks the default containers of another engine that speaks the
// Docker API: docker:///PATH or podman:///PATH of its socket. Its report has
// no list of unproven controls: the controls are Bailey's. more are
// scenes beside those of Scenes.
func Against(ctx context.Context, address string, program []byte, more []scene.Scene, progress func(done, of int)) (Report, error) {
	scheme, path, ok := strings.Cut(address, "://")
	if !ok || (scheme != "docker" && scheme != "podman") || !strings.HasPrefix(path, "/") {
		return Report{}, fmt.Errorf("%q is no engine: write docker:///var/run/docker.sock or podman:///run/podman/podman.sock", address)
	}
	api, err := client.New(client.WithHost("unix://" + path))
	if err != nil {
		return Report{}, err
	}
	defer api.Close()
	info, err := api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return Report{}, fmt.Errorf("ask %s: %w", address, err)
	}
	p := &Prover{Client: api, Program: program, Progress: progress}
	began := time.Now().UTC()
	results, err := p.Prove(ctx, registry.Probes(), slices.Concat(Scenes(), more))
	if err != nil {
		return Report{}, fmt.Errorf("attack %s: %w", address, err)
	}
	name := strings.ToUpper(scheme[:1]) + scheme[1:]
	return Report{
		Engine: name + " " + info.Info.ServerVersion, Kernel: info.Info.KernelVersion, Began: began, Seconds: time.Since(began).Seconds(), Results: results,
	}, nil
}
