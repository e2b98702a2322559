package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// bailey is a private node.
type bailey struct{ node *harness.Node }

// startBailey starts a node and loads the image.
func startBailey(ctx context.Context, bin string, archive []byte) (*bailey, error) {
	node, err := harness.Start(ctx, harness.Options{Bin: bin})
	if err != nil {
		return nil, err
	}
	if err := node.Load(ctx, archive); err != nil {
		return nil, errors.Join(err, node.Close())
	}
	return &bailey{node}, nil
}

// Name is the engine's.
func (b *bailey) Name() string { return "bailey" }

// Run runs a verb of bailey.
func (b *bailey) Run(ctx context.Context, args ...string) error {
	if result := b.node.Bailey(ctx, args...); result.Code != 0 {
		return fmt.Errorf("bailey %s: exit status %d: %s", strings.Join(args, " "), result.Code, result.Stderr)
	}
	return nil
}

// Build builds an image.
func (b *bailey) Build(ctx context.Context, tag, dir string) error {
	return b.Run(ctx, "build", "-q", "-t", tag, dir)
}

// API speaks to the node.
func (b *bailey) API() *client.Client { return b.node.Client }

// Processes are the daemon, the resolver and the supervisors.
func (b *bailey) Processes() ([]int, error) {
	return slices.Concat([]int{b.node.Pid()}, b.node.Resolvers(), b.node.Supervisors()), nil
}

// Close removes the node.
func (b *bailey) Close() error { return b.node.Close() }
