package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

const (
	idle   = 5 * time.Second // after which an engine and its containers are taken to be idle
	bursts = 3               // how often a burst is measured
	adopts = 7               // how often a start with containers is measured
)

// measureMemory takes the proportional memory of all of an engine's own processes with many idle containers.
// "memory" is that sum divided by the containers; "memory-marginal" is what the containers added to it, divided by
// the containers.
func measureMemory(ctx context.Context, s settings, engines []engine, results *results) error {
	for _, e := range engines {
		progress("memory of %d idle containers: %s", s.containers, e.Name())
		if err := pause(ctx, idle); err != nil {
			return err
		}
		before, err := memoryOf(e)
		if err != nil {
			return err
		}
		for i := range s.containers {
			if err := e.Run(ctx, "run", "-d", imageName, "sleep", "86400"); err != nil {
				return fmt.Errorf("%s, container %d: %w", e.Name(), i+1, err)
			}
		}
		if err := pause(ctx, idle); err != nil {
			return err
		}
		after, err := memoryOf(e)
		if err != nil {
			return err
		}
		each := float64(s.containers) * (1 << 20)
		results.add("memory", e.Name(), "MiB", float64(after)/each)
		results.add("memory-marginal", e.Name(), "MiB", float64(after-before)/each)
		if err := clear(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// memoryOf is the proportional memory of an engine's own processes in bytes.
func memoryOf(e engine) (int64, error) {
	pids, err := e.Processes()
	if err != nil {
		return 0, err
	}
	return proportional(pids)
}

// measureBurst takes the time from the first of many simultaneous requests until all containers run. Engines with
// an API are asked through it, each container by a create and a start; the others through their command line.
func measureBurst(ctx context.Context, s settings, engines []engine, results *results) error {
	for round := range bursts {
		for _, e := range engines {
			progress("%d containers at once: %s, round %d of %d", s.containers, e.Name(), round+1, bursts)
			begin := time.Now()
			if err := burst(ctx, e, s.containers); err != nil {
				return fmt.Errorf("%s: %w", e.Name(), err)
			}
			results.add("burst", e.Name(), "ms", milliseconds(time.Since(begin)))
			if err := clear(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// burst starts n containers at once and returns when every one runs.
func burst(ctx context.Context, e engine, n int) error {
	failed := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			if e.API() == nil {
				failed[i] = e.Run(ctx, "run", "-d", imageName, "sleep", "86400")
				return
			}
			_, failed[i] = startOne(ctx, e.API())
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

// startOne creates and starts a container that sleeps and returns its id.
func startOne(ctx context.Context, api *client.Client) (string, error) {
	created, err := api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: imageName, Cmd: []string{"sleep", "86400"}},
	})
	if err != nil {
		return "", err
	}
	_, err = api.ContainerStart(ctx, created.ID, client.ContainerStartOptions{})
	return created.ID, err
}

// measureAdopt takes the time from the start of Bailey's daemon, after it was killed, until it answers, with many
// containers that run on meanwhile and are to be adopted.
func measureAdopt(ctx context.Context, s settings, engines []engine, results *results) error {
	b := engines[0].(*bailey)
	progress("adopting %d containers: starting them", s.containers)
	if err := burst(ctx, b, s.containers); err != nil {
		return err
	}
	for round := range adopts {
		progress("adopting %d containers: round %d of %d", s.containers, round+1, adopts)
		if err := b.node.Kill(); err != nil {
			return err
		}
		begin := time.Now()
		if err := b.node.Up(ctx); err != nil {
			return err
		}
		results.add("adopt", b.Name(), "ms", milliseconds(time.Since(begin)))
		list, err := b.API().ContainerList(ctx, client.ContainerListOptions{})
		if err != nil {
			return err
		}
		if len(list.Items) != s.containers {
			return fmt.Errorf("%d of %d containers run after the daemon was killed and started again", len(list.Items), s.containers)
		}
	}
	return clear(ctx, b)
}

// clear removes an engine's containers.
func clear(ctx context.Context, e engine) error {
	if e.API() != nil {
		return harness.RemoveContainers(e.API())
	}
	return e.Run(ctx, "rm", "-a", "-f", "-t", "0")
}

// pause waits, unless it is interrupted.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
