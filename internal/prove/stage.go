package prove

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// stage is where one half of a scene is played: the attack or the twin.
type stage struct {
	*work
	undo []func(context.Context) error // run last first
}

var _ scene.Stage = (*stage)(nil)

func (s *stage) API() *client.Client { return s.Client }
func (s *stage) Image() string       { return s.engine.image }
func (s *stage) Program() []byte     { return s.Prover.Program }

// Stranger is the prover's client where the engine knows no callers.
func (s *stage) Stranger() *client.Client {
	if s.Prover.Stranger == nil {
		return s.Client
	}
	return s.Prover.Stranger
}

func (s *stage) Dial(ctx context.Context) (net.Conn, error) { return s.Stranger().Dialer()(ctx) }

// Load gives the engine an archive. The images that it may bring go when the
// scene is over.
func (s *stage) Load(ctx context.Context, archive []byte) error {
	if err := s.engine.load(ctx, archive); err != nil {
		return err
	}
	s.undo = append(s.undo, func(ctx context.Context) error {
		_, err := s.engine.ImageRemove(ctx, scene.Image, client.ImageRemoveOptions{Force: true})
		if errdefs.IsNotFound(err) {
			return nil
		}
		return err
	})
	return nil
}

// Start starts a container that waits for what it is told to do.
func (s *stage) Start(ctx context.Context, o scene.Options) (scene.Actor, error) {
	c, h := o.Config, o.Host
	if s.Like != nil {
		s.Like(&c, &h)
		putBack(&h, o.Host)
	}
	if err := switchOff(o.Off, &c, &h); err != nil {
		return nil, err
	}
	if c.Image == "" {
		c.Image = s.engine.image
	}
	c.Entrypoint, c.Cmd, c.Labels = []string{programPath}, []string{"pause"}, map[string]string{mark: "scene"}
	made, err := s.engine.ContainerCreate(ctx, client.ContainerCreateOptions{Config: &c, HostConfig: &h, NetworkingConfig: o.Network})
	if err != nil {
		return nil, err
	}
	s.undo = append(s.undo, func(ctx context.Context) error { return s.engine.remove(ctx, made.ID) })
	if _, err := s.engine.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return nil, err
	}
	return &actor{engine: s.engine, id: made.ID}, nil
}

// putBack gives a container that has another's posture what its scene is
// about.
func putBack(h *container.HostConfig, scene container.HostConfig) {
	h.CapAdd = slices.Concat(h.CapAdd, scene.CapAdd)
	h.Mounts, h.PortBindings, h.LogConfig, h.Annotations = scene.Mounts, scene.PortBindings, scene.LogConfig, scene.Annotations
	if scene.NetworkMode != "" {
		h.NetworkMode = scene.NetworkMode
	}
}

// networks counts the names of networks that were made.
const networkName = "bailey-prove-%d"

// Network makes a network that goes when the scene is over.
func (s *stage) Network(ctx context.Context, o client.NetworkCreateOptions) (string, error) {
	s.mu.Lock()
	s.networks++
	name := fmt.Sprintf(networkName, s.networks)
	s.mu.Unlock()
	o.Labels = map[string]string{mark: "scene"}
	if _, err := s.engine.NetworkCreate(ctx, name, o); err != nil {
		return "", err
	}
	s.undo = append(s.undo, func(ctx context.Context) error {
		_, err := s.engine.NetworkRemove(ctx, name, client.NetworkRemoveOptions{})
		return err
	})
	return name, nil
}

// Share makes what scenes have in common on a stage of its own, which is
// cleared at the end of the proof. What could not be made is not tried again.
func (s *stage) Share(ctx context.Context, name string, make func(context.Context, scene.Stage) (any, error)) (any, error) {
	m := s.common.get(name, func() made {
		on := &stage{work: s.work}
		value, err := make(ctx, on)
		s.mu.Lock()
		s.later = append(s.later, on) // after what it rests on
		s.mu.Unlock()
		return made{value, err}
	})
	return m.value, m.err
}

// made is what scenes have in common, or why there is none.
type made struct {
	value any
	err   error
}

// Secret puts a secret into the node's store until the scene is over.
func (s *stage) Secret(_ context.Context, name, value string) error {
	if s.Prover.Secret == nil {
		return probe.Untried("this engine takes no secrets by themselves")
	}
	remove, err := s.Prover.Secret(name, []byte(value))
	if err != nil {
		return probe.Untried("%w", err)
	}
	s.undo = append(s.undo, func(context.Context) error { return remove() })
	return nil
}

// clear removes what was made, last first.
func (s *stage) clear(ctx context.Context) error {
	var errs []error
	for i := len(s.undo) - 1; i >= 0; i-- {
		errs = append(errs, s.undo[i](context.WithoutCancel(ctx)))
	}
	s.undo = nil
	return errors.Join(errs...)
}
