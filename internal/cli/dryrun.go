package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/bailey-run/bailey/internal/cli/guard"
	"github.com/moby/moby/client"
)

// planPath is where a node says what a request to create would make.
const planPath = "/bailey/v1/plan"

// maxPlan bounds a plan, in bytes.
const maxPlan = 8 << 20

// errPlanned ends a dry run where the container would have been created.
var errPlanned = errors.New("planned, not created")

// dryRun is a dry run when it is on, and its plan once the node has answered.
type dryRun struct {
	on   bool
	plan *plan
}

// ask sends the very request that would create a container to where it is only
// planned. Docker's client makes it; a transport of its own redirects it.
func (d *dryRun) ask(ctx context.Context, c *apiClient, o client.ContainerCreateOptions) error {
	transport := &planTransport{base: &http.Transport{DialContext: c.app.target.dial, DisableKeepAlives: true}}
	planner, err := client.New(
		client.WithHost(placeholder),
		client.WithHTTPClient(&http.Client{Transport: transport}),
		client.WithUserAgent(userAgent(c.app.Version)),
		client.WithAPIVersion(c.ClientVersion()),
	)
	if err != nil {
		return err
	}
	if _, err := planner.ContainerCreate(ctx, o); err != nil {
		return err
	}
	d.plan = &plan{raw: transport.answer}
	return errPlanned
}

// planTransport redirects a request to create and keeps the answer.
type planTransport struct {
	base   http.RoundTripper
	answer []byte
}

// RoundTrip implements [http.RoundTripper].
func (t *planTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Path, r.URL.RawPath = planPath, ""
	resp, err := t.base.RoundTrip(r)
	if err != nil || resp.StatusCode >= http.StatusBadRequest {
		return resp, err
	}
	defer resp.Body.Close()
	if t.answer, err = io.ReadAll(io.LimitReader(resp.Body, maxPlan)); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(strings.NewReader("{}")) // nothing was created
	return resp, nil
}

// plan is a node's answer: a posture, its controls, and warnings.
type plan struct{ raw []byte }

// show prints the plan as a table, with its warnings apart, or as the node sent it.
func (p plan) show(w, warn io.Writer, format string) error {
	if format == "json" {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, p.raw, "", "    "); err != nil {
			return fmt.Errorf("the node's plan cannot be read: %w", err)
		}
		_, err := fmt.Fprintln(w, strings.TrimSpace(pretty.String()))
		return err
	}
	controls, warnings, err := decodeControls(p.raw)
	if err != nil {
		return fmt.Errorf("the node's plan cannot be read: %w", err)
	}
	for _, warning := range warnings {
		if _, err := fmt.Fprintln(warn, "WARNING:", guard.Cell(warning)); err != nil {
			return err
		}
	}
	return writeControls(w, controls)
}
