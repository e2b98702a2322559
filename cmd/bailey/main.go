// Command bailey is all of Bailey in one file: the command line, and with
// `bailey up` the node that it talks to.
//
// This page is the table of contents. Behind the command line (internal/cli)
// stands what open wires together: each part comes from a package of its own
// that knows nothing of those below it on this page.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/bailey-run/bailey/internal/api"
	"github.com/bailey-run/bailey/internal/build"
	"github.com/bailey-run/bailey/internal/cli"
	"github.com/bailey-run/bailey/internal/cli/daemon"
	"github.com/bailey-run/bailey/internal/engine"
	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/network"
	"github.com/bailey-run/bailey/internal/prove/record"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/runtime/host"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/bailey-run/bailey/internal/secret"
	"github.com/bailey-run/bailey/internal/version"
	"github.com/opencontainers/go-digest"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Program{
		Version: version.Version,
		Wiring:  daemon.Wiring{Open: open, Remove: remove, Listen: api.Listen, Activated: api.Activated},
		Probe:   probe,
	}))
}

// node is an open node. Its engine decides, its server answers.
type node struct {
	*engine.Engine
	*api.Server
	networks *network.Manager
	runtime  *runtime.Runtime
	facts    sandbox.HostFacts
	secrets  *secret.Store
	closers  []func() error // run last first
	removing bool           // closing also removes what is in the kernel
}

// open wires a node. On an error it has closed what it opened.
func open(ctx context.Context, c daemon.Config, policy sandbox.Policy, log *slog.Logger) (daemon.Node, error) {
	n := &node{}
	if err := n.wire(ctx, c, policy, log); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *node) wire(ctx context.Context, c daemon.Config, policy sandbox.Policy, log *slog.Logger) error {
	images, proofs, err := n.openParts(ctx, c, log)
	if err != nil {
		return err
	}
	n.secrets, err = secret.Open(c.Path("secrets"))
	if err != nil {
		return err
	}
	n.Engine, err = engine.Open(ctx, engine.Options{
		Dir: c.Dir, RunDir: c.RunDir, Node: c.Node,
		Images: images, Networks: n.networks, Secrets: n.secrets, Runtime: n.runtime,
		Policy: policy, Facts: n.facts, Version: version.Version, Log: log,
	})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, n.Engine.Close)
	if err := n.runtime.Programs(); err != nil {
		return err
	}

	builder, err := build.New(build.Options{
		Dir: c.Path("build"), Images: images, Steps: n.Engine, Policy: n.Policy, Version: version.Version, Log: log,
	})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, builder.Close)

	n.Server, err = api.New(api.Options{Engine: n.Engine, Builder: builder, Log: log, Version: version.Version})
	if err != nil {
		return err
	}
	n.wireProver(ctx, proofs, log)
	return nil
}

// openParts opens what need not wait for each other side by side, and looks meanwhile whether the machine is fit.
func (n *node) openParts(ctx context.Context, c daemon.Config, log *slog.Logger) (images *image.Store, proofs *record.Store, err error) {
	var all sync.WaitGroup
	var unfit error
	var errs [3]error
	all.Go(func() { unfit, n.facts = check(log, c.Dir), host.Facts() })
	all.Go(func() {
		images, errs[0] = image.Open(ctx, image.Options{
			Root: c.Path("image"), Log: log, InUse: n.users, CertsDir: c.Settings.RegistryCertificates,
		})
	})
	all.Go(func() { proofs, errs[1] = record.Open(c.Path("proofs")) })
	errs[2] = n.openNetworks(ctx, c, log)
	all.Wait()
	if images != nil {
		n.closers = append(n.closers, images.Close)
	}
	if n.networks != nil {
		n.closers = append(n.closers, n.networks.Close)
	}
	if n.networks != nil && n.removing {
		n.closers = append(n.closers, func() error { return n.networks.Destroy(ctx) })
	}
	if unfit != nil {
		return nil, nil, unfit // what the others say of such a machine is harder to understand
	}
	return images, proofs, errors.Join(errs[:]...)
}

// openNetworks opens the runtime, whose programs the networks need, and the networks.
func (n *node) openNetworks(ctx context.Context, c daemon.Config, log *slog.Logger) (err error) {
	n.runtime, err = runtime.Open(ctx, runtime.Options{
		StateDir: c.Dir, RunDir: c.RunDir, Node: c.Node, RuntimePath: c.Settings.Runtime, Log: log,
	})
	if err != nil {
		return err
	}
	n.networks, err = network.Open(ctx, network.Options{
		Dir: c.Path("network"), RunDir: c.RunDir, Node: c.Node, Resolver: n.runtime.Resolver(), Log: log,
	})
	return err
}

// Close lets go of what was opened, last first. Containers go on.
func (n *node) Close() error {
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	n.closers = nil
	return errors.Join(errs...)
}

// remove ends all containers of a node and removes what it has in the kernel.
func remove(ctx context.Context, c daemon.Config, log *slog.Logger) error {
	n := &node{removing: true}
	err := n.wire(ctx, c, sandbox.Policy{}, log)
	if err == nil {
		err = n.StopAll(ctx)
	}
	if err = errors.Join(err, n.Close()); err != nil {
		return err
	}
	return n.runtime.Cgroups().Destroy(ctx)
}

// users tells the image store which containers use an image.
func (n *node) users(id digest.Digest) []string { return n.ImageUsers(id) }

// check refuses a machine on which no container could run, and says what else
// it lacks.
func check(log *slog.Logger, dir string) error {
	var fatal []error
	for _, p := range host.Check(dir) {
		if p.Fatal {
			fatal = append(fatal, fmt.Errorf("this machine lacks %s, which %s needs: %s", p.What, p.Why, p.Mend))
		} else {
			log.Warn("this machine lacks "+p.What, "needed by", p.Why, "mend", p.Mend)
		}
	}
	return errors.Join(fatal...)
}
