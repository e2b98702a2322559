package build

import (
	"context"

	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/gateway/client"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
)

// bounded is the Dockerfile reader that is built in, for Dockerfiles that do not grow beyond measure: BuildKit replaces
// variables without a limit, inside of the daemon, and a file of a kilobyte can make it take all of the host's memory.
func bounded(ctx context.Context, c client.Client) (*client.Result, error) {
	ui, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	source, err := ui.ReadEntrypoint(ctx, "Dockerfile")
	if err != nil {
		return nil, err
	}
	if err := dockerfile.CheckExpansion(source.Data, ui.BuildArgs); err != nil {
		return nil, err
	}
	return builder.Build(ctx, c)
}
