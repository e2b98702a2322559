package cli

import (
	"context"
	"sync"

	"github.com/bailey-run/bailey/internal/cli/guard"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// placeholder is an address that fits everywhere an address is expected;
// connections are made by target.dial, wherever the node is.
const placeholder = "unix:///bailey.sock"

// connect makes the client, which does nothing yet.
func (a *app) connect() error {
	raw, err := client.New(
		client.WithHost(placeholder),
		client.WithDialContext(a.target.dial),
		client.WithUserAgent(userAgent(a.Version)),
	)
	if err != nil {
		return err
	}
	a.client = &apiClient{APIClient: raw, app: a}
	return nil
}

// apiClient is Docker's client with a few things done on the way. Its methods
// are called by Docker's verbs as if it were the plain one.
type apiClient struct {
	client.APIClient
	app *app

	pinged sync.Mutex
	pong   *client.PingResult
}

// DaemonHost is the node as the user names it.
func (c *apiClient) DaemonHost() string { return c.app.target.url }

// Ping asks the node once; a command line is too short for another answer.
func (c *apiClient) Ping(ctx context.Context, o client.PingOptions) (client.PingResult, error) {
	c.pinged.Lock()
	defer c.pinged.Unlock()
	if c.pong != nil {
		return *c.pong, nil
	}
	pong, err := c.APIClient.Ping(ctx, o)
	if err == nil {
		c.pong = &pong
	}
	return pong, err
}

// ContainerCreate creates, or in a dry run notes the plan and ends the command.
func (c *apiClient) ContainerCreate(ctx context.Context, o client.ContainerCreateOptions) (client.ContainerCreateResult, error) {
	if c.app.dry.on {
		return client.ContainerCreateResult{}, c.app.dry.ask(ctx, c, o)
	}
	return c.APIClient.ContainerCreate(ctx, o)
}

// ContainerAttach begins a container's output: from here on the streams are
// the container's and no longer the client's own.
func (c *apiClient) ContainerAttach(ctx context.Context, ref string, o client.ContainerAttachOptions) (client.ContainerAttachResult, error) {
	c.app.terminal.restrict(guard.Colour)
	return c.APIClient.ContainerAttach(ctx, ref, o)
}

// ContainerInspect finds out, for start and attach, whether the user joins a
// terminal session, which needs the terminal as it is.
func (c *apiClient) ContainerInspect(ctx context.Context, ref string, o client.ContainerInspectOptions) (client.ContainerInspectResult, error) {
	res, err := c.APIClient.ContainerInspect(ctx, ref, o)
	if err == nil && joins(c.app.command) && res.Container.Config != nil && res.Container.Config.Tty {
		c.app.terminal.raw()
	}
	return res, err
}

// What follows are lists whose values come from containers and images. On a
// terminal a value must not forge a line or a column.

func (c *apiClient) ContainerList(ctx context.Context, o client.ContainerListOptions) (client.ContainerListResult, error) {
	return scrubbed(c, func() (client.ContainerListResult, error) { return c.APIClient.ContainerList(ctx, o) })
}

func (c *apiClient) ContainerTop(ctx context.Context, ref string, o client.ContainerTopOptions) (client.ContainerTopResult, error) {
	return scrubbed(c, func() (client.ContainerTopResult, error) { return c.APIClient.ContainerTop(ctx, ref, o) })
}

func (c *apiClient) ContainerDiff(ctx context.Context, ref string, o client.ContainerDiffOptions) (client.ContainerDiffResult, error) {
	return scrubbed(c, func() (client.ContainerDiffResult, error) { return c.APIClient.ContainerDiff(ctx, ref, o) })
}

func (c *apiClient) ImageList(ctx context.Context, o client.ImageListOptions) (client.ImageListResult, error) {
	return scrubbed(c, func() (client.ImageListResult, error) { return c.APIClient.ImageList(ctx, o) })
}

func (c *apiClient) ImageHistory(ctx context.Context, ref string, o ...client.ImageHistoryOption) (client.ImageHistoryResult, error) {
	return scrubbed(c, func() (client.ImageHistoryResult, error) { return c.APIClient.ImageHistory(ctx, ref, o...) })
}

func (c *apiClient) VolumeList(ctx context.Context, o client.VolumeListOptions) (client.VolumeListResult, error) {
	return scrubbed(c, func() (client.VolumeListResult, error) { return c.APIClient.VolumeList(ctx, o) })
}

func (c *apiClient) NetworkList(ctx context.Context, o client.NetworkListOptions) (client.NetworkListResult, error) {
	return scrubbed(c, func() (client.NetworkListResult, error) { return c.APIClient.NetworkList(ctx, o) })
}

func (c *apiClient) DiskUsage(ctx context.Context, o client.DiskUsageOptions) (client.DiskUsageResult, error) {
	return scrubbed(c, func() (client.DiskUsageResult, error) { return c.APIClient.DiskUsage(ctx, o) })
}

// scrubbed makes every string of an answer a single line when it goes to a terminal.
func scrubbed[T any](c *apiClient, ask func() (T, error)) (T, error) {
	res, err := ask()
	if err == nil && c.app.terminal.guarded() {
		guard.Scrub(&res)
	}
	return res, err
}

// Events are guarded one by one as they come.
func (c *apiClient) Events(ctx context.Context, o client.EventsListOptions) client.EventsResult {
	res := c.APIClient.Events(ctx, o)
	if !c.app.terminal.guarded() {
		return res
	}
	clean := make(chan events.Message)
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case m := <-res.Messages:
				guard.Scrub(&m)
				select {
				case clean <- m:
				case <-ctx.Done():
					failed <- ctx.Err()
					return
				}
			case err := <-res.Err:
				failed <- err
				return
			}
		}
	}()
	return client.EventsResult{Messages: clean, Err: failed}
}
