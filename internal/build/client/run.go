package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/util/progress/progressui"
	"golang.org/x/sync/errgroup"
)

// Run builds. It returns when the result is where it is to be, or with the reason why not, which shows the lines of the
// Dockerfile that it is about.
func Run(ctx context.Context, node Node, o Options) error {
	opt, done, err := o.solve(ctx)
	if err != nil {
		return err
	}
	defer done()
	mode := progressui.DisplayMode(o.Progress)
	if o.Quiet {
		mode = progressui.QuietMode
	}
	display, err := progressui.NewDisplay(o.Err, mode)
	if err != nil {
		return fmt.Errorf("--progress %q: %w", o.Progress, err)
	}
	c, leave, err := connect(ctx, node)
	if err != nil {
		return err
	}
	defer leave()
	updates := make(chan *bkclient.SolveStatus)
	var answer *bkclient.SolveResponse
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		answer, err = c.Solve(ctx, nil, opt, updates)
		return err
	})
	group.Go(func() error {
		// Not ctx: the last output of a build that failed is what shows why.
		_, err := display.UpdateFrom(context.WithoutCancel(ctx), updates)
		return err
	})
	if err := group.Wait(); err != nil {
		return withSource(err)
	}
	return o.finish(answer.ExporterResponse)
}

// withSource adds to an error the lines that it is about.
func withSource(err error) error {
	var b strings.Builder
	for _, source := range errdefs.Sources(err) {
		_ = source.Print(&b) // a strings.Builder takes everything
	}
	text := strings.TrimPrefix(err.Error(), "failed to solve: ")
	if registry := unauthorized(text); registry != "" {
		text += "; the registry wants to know who asks: bailey login " + registry
	}
	if b.Len() == 0 {
		return fmt.Errorf("the build failed: %s", text)
	}
	return fmt.Errorf("the build failed: %s\n%s", text, strings.TrimRight(b.String(), "\n"))
}

// unauthorized is the registry that an error says refused a request for want of credentials.
func unauthorized(text string) string {
	request, _, found := strings.Cut(text, ": 401 Unauthorized")
	if !found {
		return ""
	}
	// The registry's own interface: its token server has another, and no name that one logs in to.
	address := request[strings.LastIndex(request, " ")+1:]
	host, rest, _ := strings.Cut(strings.TrimPrefix(address, "https://"), "/")
	if host == address || !strings.HasPrefix(rest, "v2/") {
		return ""
	}
	return host
}

// finish writes down what the build answered.
func (o *Options) finish(answer map[string]string) error {
	id := answer[exptypes.ExporterImageDigestKey]
	if o.IDFile != "" {
		if err := os.WriteFile(o.IDFile, []byte(id), 0o644); err != nil {
			return fmt.Errorf("--iidfile: %w", err)
		}
	}
	if o.MetadataFile != "" {
		data, err := json.MarshalIndent(metadata(answer), "", "  ")
		if err == nil {
			err = os.WriteFile(o.MetadataFile, append(data, '\n'), 0o644)
		}
		if err != nil {
			return fmt.Errorf("--metadata-file: %w", err)
		}
	}
	if o.Quiet && id != "" {
		_, err := fmt.Fprintln(o.Out, id)
		return err
	}
	return nil
}

// metadata decodes values that are JSON in base64.
func metadata(answer map[string]string) map[string]any {
	out := make(map[string]any, len(answer))
	for key, value := range answer {
		out[key] = value
		data, err := base64.StdEncoding.DecodeString(value)
		if err != nil || len(data) == 0 || data[0] != '{' {
			continue
		}
		var v map[string]any
		if json.Unmarshal(data, &v) == nil {
			out[key] = v
		}
	}
	return out
}
