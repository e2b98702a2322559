package prove

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/bailey-run/bailey/internal/prove/registry"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Dialer opens connections to one place, whatever the address.
type Dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// Records is where a node keeps its newest proof. See package record.
type Records interface {
	Keep(ctx context.Context, r Report) error
	// Latest returns the newest report, and the signed envelope that it is kept in.
	Latest(ctx context.Context) (Report, json.RawMessage, error)
}

// NodeOptions is what a node proves itself with.
type NodeOptions struct {
	// Dial reaches the node's own API as the prover, DialStranger as somebody to whom no policy allows anything.
	Dial, DialStranger Dialer
	Records            Records
	// Program returns the static binary that attacks.
	Program func() ([]byte, error)
	// Secret is that of Prover.
	Secret func(name string, value []byte) (remove func() error, err error)
	// Scenes are attacks beside those of Scenes: on the API, which this package does not know.
	Scenes []scene.Scene
	// Controls are the names of all controls, in the order in which they are shown.
	Controls []string
	// Absent are those that this host cannot have: what they would stop succeeds, and is no reason to refuse containers.
	Absent []string
	// Version is what the node says it is, Kernel its host's.
	Version, Kernel string
	// Proved hears of every proof of the default posture; it may be nil.
	Proved func(Change)
}

// Node proves the node that it belongs to, one proof at a time.
type Node struct {
	opts NodeOptions
	busy chan struct{} // full while it is proved
}

// NewNode returns a prover for a node; it does nothing yet.
func NewNode(o NodeOptions) *Node { return &Node{opts: o, busy: make(chan struct{}, 1)} }

// Latest returns the newest proof of the default posture, and the signed
// envelope that it is kept in.
func (n *Node) Latest(ctx context.Context) (Report, json.RawMessage, error) {
	return n.opts.Records.Latest(ctx)
}

// Prove attacks the default posture of this node and keeps the report, or
// attacks that of the container like when it is not empty. progress may be nil.
func (n *Node) Prove(ctx context.Context, like string, progress func(done, of int)) (Report, error) {
	return n.prove(ctx, like, false, progress)
}

func (n *Node) prove(ctx context.Context, like string, gently bool, progress func(done, of int)) (Report, error) {
	if err := n.take(ctx); err != nil {
		return Report{}, err
	}
	defer n.leave()
	program, err := n.opts.Program()
	if err != nil {
		return Report{}, err
	}
	api, err := inside(n.opts.Dial)
	if err != nil {
		return Report{}, err
	}
	defer api.Close()
	stranger, err := inside(n.opts.DialStranger)
	if err != nil {
		return Report{}, err
	}
	defer stranger.Close()
	p := &Prover{Client: api, Stranger: stranger, Program: program, Secret: n.opts.Secret, Gently: gently, Progress: progress}
	if like != "" {
		if p.Like, err = likeContainer(ctx, api, like); err != nil {
			return Report{}, err
		}
	}
	began := time.Now().UTC()
	results, err := p.Prove(ctx, registry.Probes(), slices.Concat(Scenes(), n.opts.Scenes))
	if err != nil {
		return Report{}, err
	}
	excuse(results, n.opts.Absent)
	report := Report{
		Engine: n.name(), Kernel: n.opts.Kernel, Like: like, Began: began, Seconds: time.Since(began).Seconds(),
		Results: results, Unproven: unproven(n.opts.Controls, results),
	}
	if like == "" {
		err = n.keep(ctx, report)
	}
	return report, err
}

// take waits for its turn; who gives up waiting does not leave a proof behind. leave must follow.
func (n *Node) take(ctx context.Context) error {
	select {
	case n.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (n *Node) leave() { <-n.busy }

func (n *Node) name() string { return "Bailey " + n.opts.Version }

// keep records a proof of the default posture and tells of it.
func (n *Node) keep(ctx context.Context, r Report) error {
	before, _, _ := n.Latest(ctx) // without one before, what is new is what succeeded
	if err := n.opts.Records.Keep(ctx, r); err != nil {
		return err
	}
	if n.opts.Proved != nil {
		n.opts.Proved(Change{Report: r, Changed: r.since(before), Broken: r.BrokenControls()})
	}
	return nil
}

// inside makes a client of the node's own API.
func inside(dial Dialer) (*client.Client, error) {
	api, err := client.New(client.WithHost("unix:///inside"), client.WithDialContext(dial))
	if err != nil {
		return nil, fmt.Errorf("the node's own API: %w", err)
	}
	return api, nil
}

// likeContainer returns how a container gets the posture of another one: all
// of its options, and nothing of what belongs to it. Its files, ports, names
// and secrets stay with it.
func likeContainer(ctx context.Context, api *client.Client, ref string) (func(*container.Config, *container.HostConfig), error) {
	res, err := api.ContainerInspect(ctx, ref, client.ContainerInspectOptions{})
	if err != nil {
		return nil, err
	}
	posture := *res.Container.HostConfig
	posture.Binds, posture.Mounts, posture.VolumesFrom = nil, nil, nil
	posture.PortBindings, posture.PublishAllPorts, posture.Links = nil, false, nil
	posture.AutoRemove, posture.RestartPolicy = false, container.RestartPolicy{}
	posture.ContainerIDFile, posture.LogConfig = "", container.LogConfig{}
	if posture.NetworkMode.IsUserDefined() {
		posture.NetworkMode = "" // it would become a neighbour of the container's
	}
	return func(_ *container.Config, h *container.HostConfig) { *h = posture }, nil
}
