package prove

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/act"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// stage is where one half of a scene is played: the attack or the twin.
type stage struct {
	*Prover
	engine engine
	undo   []func(context.Context) error // run last first
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

// Load gives the engine an archive; what it brings is not removed: a scene
// whose archive is accepted names the images and removes them itself.
func (s *stage) Load(ctx context.Context, archive []byte) error {
	return s.engine.load(ctx, archive)
}

// Start starts a container that waits for what it is told to do.
func (s *stage) Start(ctx context.Context, o scene.Options) (scene.Actor, error) {
	c, h := o.Config, o.Host
	if s.Like != nil {
		s.Like(&c, &h)
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

// networks counts the names of networks that were made.
const networkName = "bailey-prove-%d"

// Network makes a network that goes when the scene is over.
func (s *stage) Network(ctx context.Context, o client.NetworkCreateOptions) (string, error) {
	name := fmt.Sprintf(networkName, len(s.undo))
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

// clear removes what was made, last first.
func (s *stage) clear(ctx context.Context) error {
	var errs []error
	for i := len(s.undo) - 1; i >= 0; i-- {
		errs = append(errs, s.undo[i](context.WithoutCancel(ctx)))
	}
	s.undo = nil
	return errors.Join(errs...)
}

// actor is a container on a stage.
type actor struct {
	engine engine
	id     string
}

func (a *actor) ID() string { return a.id }

func (a *actor) Address(ctx context.Context, name string) (netip.Addr, error) {
	res, err := a.engine.ContainerInspect(ctx, a.id, client.ContainerInspectOptions{})
	if err != nil {
		return netip.Addr{}, err
	}
	for network, e := range res.Container.NetworkSettings.Networks {
		if (name == "" || name == network) && e.IPAddress.IsValid() {
			return e.IPAddress, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("container %.12s has no address on the network %q", a.id, name)
}

func (a *actor) PID(ctx context.Context) (int, error) {
	res, err := a.engine.ContainerInspect(ctx, a.id, client.ContainerInspectOptions{})
	if err != nil {
		return 0, err
	}
	return res.Container.State.Pid, nil
}

// Do executes the program in the container once more. It is read to its end:
// what the act printed is its result, what it complained about its error.
func (a *actor) Do(ctx context.Context, action ...string) (string, error) {
	stream, err := a.exec(ctx, action)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	var out, complaint bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &complaint, io.LimitReader(stream.Reader, maxOutput)); err != nil {
		return "", err
	}
	if complaint.Len() > 0 {
		return out.String(), errors.New(strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

func (a *actor) Begin(ctx context.Context, action ...string) error {
	stream, err := a.exec(ctx, action)
	if err != nil {
		return err
	}
	defer stream.Close()
	r, w := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(w, w, stream.Reader)
		_ = w.CloseWithError(err)
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if strings.TrimSpace(line) == act.Ready {
		return nil
	}
	return fmt.Errorf("%s: %s %w", strings.Join(action, " "), strings.TrimSpace(line), err)
}

func (a *actor) exec(ctx context.Context, action []string) (client.HijackedResponse, error) {
	made, err := a.engine.ExecCreate(ctx, a.id, client.ExecCreateOptions{
		User: "0:0", AttachStdout: true, AttachStderr: true, Cmd: append([]string{programPath, "do"}, action...),
	})
	if err != nil {
		return client.HijackedResponse{}, err
	}
	res, err := a.engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	return res.HijackedResponse, err
}
