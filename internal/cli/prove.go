package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/bailey-run/bailey/internal/prove"
	dockercli "github.com/docker/cli/cli"
	"github.com/spf13/cobra"
)

const proveHelp = `Attack the node's own controls, and show which attacks were stopped.

Each attack is tried in a container with the default posture, where it must
fail, and again where its control is off, where it must succeed: only both
together are proof. An attack that works ends the command with status 1.`

// newProve is `bailey prove`.
func (a *app) newProve() *cobra.Command {
	var like, format string
	cmd := &cobra.Command{
		Use:                   "prove [OPTIONS]",
		Short:                 "Attack the node's own controls, and show what stopped each attack",
		Long:                  proveHelp,
		Args:                  dockercli.NoArgs,
		Annotations:           map[string]string{"category-top": "6"},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("--format %q: say table or json", format)
			}
			report, err := a.prove(cmd.Context(), like)
			if err != nil {
				return err
			}
			if format == "json" {
				enc := json.NewEncoder(a.docker.Out())
				enc.SetIndent("", "    ")
				err = enc.Encode(report)
			} else {
				err = report.WriteTable(a.docker.Out())
			}
			if err == nil && report.Broken() {
				return dockercli.StatusError{StatusCode: 1, Status: fmt.Sprintf("%d attacks succeeded", report.Count(prove.Succeeded))}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&like, "container", "", "Attack the posture of this container, in a container of its own")
	cmd.Flags().StringVar(&format, "format", "table", `Output format ("table", "json")`)
	return cmd
}

// prove has the node prove itself, and shows how far it is on a terminal.
func (a *app) prove(ctx context.Context, like string) (*prove.Report, error) {
	query := url.Values{}
	if like != "" {
		query.Set("container", like)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/bailey/v1/prove?"+query.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Transport{DialContext: a.target.dial, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return readProof(resp.Body, a.proveProgress())
}

// readProof reads how far a proof is until its report comes.
func readProof(r io.Reader, progress func(done, of int)) (*prove.Report, error) {
	lines := json.NewDecoder(r)
	for {
		var m struct {
			Done, Of       int
			Report         *prove.Report
			Error, Message string // of the proof; of a request that was refused
		}
		switch err := lines.Decode(&m); {
		case err != nil:
			return nil, fmt.Errorf("the node's answer ended early: %w", err)
		case m.Error+m.Message != "":
			return nil, errors.New(m.Error + m.Message)
		case m.Report != nil:
			progress(1, 1)
			return m.Report, nil
		}
		progress(m.Done, m.Of)
	}
}

// proveProgress shows how far a proof is as one line, on a terminal only.
func (a *app) proveProgress() func(done, of int) {
	if !a.docker.Err().IsTerminal() {
		return func(int, int) {}
	}
	return func(done, of int) {
		if done == of {
			fmt.Fprint(a.docker.Err(), "\r\x1b[K")
			return
		}
		fmt.Fprintf(a.docker.Err(), "\rattempts: %d of %d\x1b[K", done, of)
	}
}
