package prove

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/act"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

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

func (a *actor) Do(ctx context.Context, action ...string) (string, error) {
	return a.DoAs(ctx, client.ExecCreateOptions{}, action...)
}

// DoAs executes the program in the container once more. It is read to its end:
// what the act printed is its result, what it complained about its error.
func (a *actor) DoAs(ctx context.Context, o client.ExecCreateOptions, action ...string) (string, error) {
	stream, err := a.exec(ctx, o, action)
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
	stream, err := a.exec(ctx, client.ExecCreateOptions{}, action)
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

func (a *actor) exec(ctx context.Context, o client.ExecCreateOptions, action []string) (client.HijackedResponse, error) {
	if o.User == "" {
		o.User = "0:0"
	}
	o.AttachStdout, o.AttachStderr, o.Cmd = true, true, append([]string{programPath, "do"}, action...)
	made, err := a.engine.ExecCreate(ctx, a.id, o)
	if err != nil {
		return client.HijackedResponse{}, err
	}
	res, err := a.engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	return res.HijackedResponse, err
}
