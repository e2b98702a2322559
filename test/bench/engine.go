package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// imageName is what the measured containers run: the machine's static busybox and nothing else.
const imageName = "bench:busybox"

// engine is one that runs containers for the measurements.
type engine interface {
	// Name says which engine and version it is.
	Name() string
	// Run runs its command line to the end; verbs are Docker's.
	Run(ctx context.Context, args ...string) error
	// API speaks to it over the Docker API; nil when it has no daemon.
	API() *client.Client
	// Processes are all that the engine itself runs: daemons, shims, supervisors, but no container.
	Processes() ([]int, error)
	// Close removes the engine and everything it made.
	Close() error
}

// startEngines starts Bailey first and then everything that is installed beside it. Engines that were started
// are returned also with an error, for the caller to close.
func startEngines(ctx context.Context, s settings) ([]engine, error) {
	archive, err := harness.BusyboxArchive(imageName)
	if err != nil {
		return nil, err
	}
	bin, err := filepath.Abs(s.bailey)
	if err != nil {
		return nil, err
	}
	progress("starting a private Bailey")
	var engines []engine
	first, err := startBailey(ctx, bin, archive)
	if err != nil {
		return nil, err
	}
	engines = append(engines, first)

	dockerds := s.dockerds
	if path, err := exec.LookPath("dockerd"); err == nil {
		dockerds = append(dockerds, path)
	}
	for _, path := range dockerds {
		progress("starting a private %s", path)
		e, err := harness.StartDocker(ctx, path, archive)
		if err != nil {
			return engines, fmt.Errorf("%s: %w", path, err)
		}
		engines = append(engines, e)
	}
	if path, err := exec.LookPath("podman"); err == nil {
		progress("preparing a private %s", path)
		e, err := startPodman(ctx, path, archive)
		if err != nil {
			return engines, fmt.Errorf("%s: %w", path, err)
		}
		engines = append(engines, e)
	}
	return engines, nil
}
