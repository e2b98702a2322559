package prove

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

const mark = scene.Label

// engine is what is attacked, through the Docker API.
type engine struct {
	*client.Client
	image string // the id of the image with the program
}

// load brings images. A refusal that comes after the answer has begun is its
// last line.
func (e engine) load(ctx context.Context, archive []byte) error {
	res, err := e.ImageLoad(ctx, bytes.NewReader(archive))
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer res.Close()
	lines := json.NewDecoder(io.LimitReader(res, maxOutput))
	for {
		var line struct{ Error string }
		switch err := lines.Decode(&line); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("load: %w", err)
		case line.Error != "":
			return fmt.Errorf("load: %s", line.Error)
		}
	}
}

// loadProgram brings the image with the program and finds out its id. Its name is anybody's to give to another image, which
// would then run where nothing is forbidden; an id always means the same files.
func (e *engine) loadProgram(ctx context.Context, program []byte) error {
	image, layer := programImage(program)
	if err := e.load(ctx, image); err != nil {
		return err
	}
	got, err := e.ImageInspect(ctx, imageName)
	if err != nil {
		return fmt.Errorf("look at the image of the probes: %w", err)
	}
	own := got.Config != nil && slices.Equal(got.Config.Entrypoint, []string{programPath}) && slices.Equal(got.RootFS.Layers, []string{layer})
	if !own {
		return fmt.Errorf("the name %s was given to another image while the node was about to be proved: try again", imageName)
	}
	e.image = got.ID
	return nil
}

// sweep removes what an earlier prover left, and the image.
func (e engine) sweep(ctx context.Context) error {
	list, err := e.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", mark)})
	if err != nil {
		return fmt.Errorf("look for leftovers: %w", err)
	}
	var errs []error
	for _, c := range list.Items {
		errs = append(errs, e.remove(ctx, c.ID))
	}
	networks, err := e.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("label", mark)})
	if err != nil {
		return fmt.Errorf("look for leftovers: %w", err)
	}
	for _, n := range networks.Items {
		_, err := e.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		errs = append(errs, err)
	}
	_, _ = e.ImageRemove(ctx, cmp.Or(e.image, imageName), client.ImageRemoveOptions{Force: true}) // most often there is none
	return errors.Join(errs...)
}

func (e engine) remove(ctx context.Context, id string) error {
	_, err := e.ContainerRemove(context.WithoutCancel(ctx), id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	return err
}

// run starts a container of the program with arguments and returns what it
// printed when it has ended.
func (e engine) run(ctx context.Context, c container.Config, h container.HostConfig, args []string) (out []byte, err error) {
	c.Image, c.Cmd, c.Labels = e.image, args, map[string]string{mark: "attempt"}
	made, err := e.ContainerCreate(ctx, client.ContainerCreateOptions{Config: &c, HostConfig: &h})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.remove(ctx, made.ID)) }()
	wait := e.ContainerWait(ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := e.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return nil, err
	}
	select {
	case err := <-wait.Error:
		return nil, err
	case <-wait.Result:
	}
	logs, err := e.ContainerLogs(ctx, made.ID, client.ContainerLogsOptions{ShowStdout: true})
	if err != nil {
		return nil, err
	}
	defer logs.Close()
	var stdout bytes.Buffer
	_, err = stdcopy.StdCopy(&stdout, io.Discard, io.LimitReader(logs, maxOutput))
	return stdout.Bytes(), err
}

// maxOutput bounds what is read of a container's output, in bytes: it is the
// one that is attacked that answers.
const maxOutput = 8 << 20
