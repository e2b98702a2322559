package gate

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver/pb"

	"github.com/bailey-run/bailey/internal/sandbox"
)

// Frontend decides about images that are to read a build's file (`# syntax=…`). Those that are releases of the reader
// that is built in are answered by it: it knows what they know, and needs nobody's code. Others need the policy's leave,
// and run in the sandbox like a step.
func (g *Gate) Frontend(builtIn, images frontend.Frontend) frontend.Frontend {
	return &frontends{g: g, builtIn: builtIn, images: images}
}

type frontends struct {
	g               *Gate
	builtIn, images frontend.Frontend
}

// Solve hands a build to the reader that is due.
func (f *frontends) Solve(ctx context.Context, llb frontend.FrontendLLBBridge, exec executor.Executor, opts map[string]string, inputs map[string]*pb.Definition, sid string, sm *session.Manager) (*frontend.Result, error) {
	source := opts[frontend.KeySource]
	if isDockerfile(source) {
		opts = maps.Clone(opts)
		delete(opts, frontend.KeySource)
		if opts["cmdline"] == "" {
			opts["cmdline"] = source // or it would look for the line again
		}
		return f.builtIn.Solve(ctx, llb, exec, opts, inputs, sid, sm)
	}
	caller, ok := f.g.owner(sid)
	if !ok {
		return nil, errors.New("nobody is known to have asked for this build")
	}
	wish := sandbox.BuildWish{Rule: sandbox.RuleBuildFrontend, Value: normal(source), What: "# syntax=" + source}
	if _, err := sandbox.AllowBuild(wish, f.g.policy(), caller); err != nil {
		return nil, err
	}
	return f.images.Solve(ctx, llb, exec, opts, inputs, sid, sm)
}

// isDockerfile recognises the stable releases of Docker's reader, whichever way they are written.
func isDockerfile(source string) bool {
	named, err := reference.ParseNormalizedNamed(source)
	if err != nil || named.Name() != "docker.io/docker/dockerfile" {
		return source == "dockerfile.v0"
	}
	tagged, ok := named.(reference.Tagged)
	if !ok {
		return true
	}
	tag := tagged.Tag()
	return tag == "latest" || tag == "1" || strings.HasPrefix(tag, "1.") && !strings.Contains(tag, "-")
}

// normal is a name in full, as the policy lists it.
func normal(source string) string {
	named, err := reference.ParseNormalizedNamed(source)
	if err != nil {
		return source
	}
	return reference.TagNameOnly(named).String()
}
