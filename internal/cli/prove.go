package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	apis "github.com/bailey-run/bailey/internal/api/scenes"
	"github.com/bailey-run/bailey/internal/prove"
	"github.com/bailey-run/bailey/internal/prove/format"
	"github.com/bailey-run/bailey/internal/prove/suite"
	dockercli "github.com/docker/cli/cli"
	"github.com/spf13/cobra"
)

const proveHelp = `Attack the node's own controls, and show which attacks were stopped.

Each attack is tried in a container with the default posture, where it must
fail, and again where its control is off, where it must succeed: only both
together are proof. An attack that works ends the command with status 1.

With --suite the tests of a directory are run instead, on images of your own:
docs/proof-suites.md says how they are written. A test that shows nothing ends
the command with status 2.

With --container the posture of that container is attacked, in containers of
the prover's own: it shows what a relaxation costs. With --against the same
attacks are made on another engine, and shown beside the node's.`

// proveFlags are what a person asks of a proof.
type proveFlags struct {
	like    string
	format  string
	save    []string
	against []string
	suite   string
}

// newProve is `bailey prove`.
func (a *app) newProve() *cobra.Command {
	var f proveFlags
	cmd := &cobra.Command{
		Use:                   "prove [OPTIONS]",
		Short:                 "Attack the node's own controls, and show what stopped each attack",
		Long:                  proveHelp,
		Args:                  dockercli.NoArgs,
		Annotations:           map[string]string{"category-top": "6"},
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return a.runProve(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.like, "container", "", "Attack the posture of this container, in containers of the prover's own")
	cmd.Flags().StringVar(&f.format, "format", "table", `Output format ("table", "json", "sarif", "junit")`)
	cmd.Flags().StringArrayVar(&f.save, "save", nil, "Write the report to a file too: .json, .sarif, .xml (JUnit) or .txt")
	cmd.Flags().StringVar(&f.suite, "suite", "", "Run the attack tests of this directory instead")
	cmd.Flags().StringArrayVar(&f.against, "against", nil, "Attack another engine as well: docker:///PATH or podman:///PATH of its socket")
	return cmd
}

func (a *app) runProve(ctx context.Context, f proveFlags) error {
	if err := f.check(); err != nil {
		return named(err)
	}
	report, err := a.report(ctx, f)
	if err != nil {
		return err
	}
	for _, path := range f.save {
		if err := saveProof(path, *report); err != nil {
			return named(err)
		}
	}
	if err := a.showProof(ctx, f, *report); err != nil {
		return err
	}
	if report.Broken() {
		return dockercli.StatusError{StatusCode: 1, Status: fmt.Sprintf("%d attacks succeeded", report.Count(prove.Succeeded))}
	}
	if f.suite != "" && report.Count(prove.Blocked) < len(report.Results) {
		return dockercli.StatusError{StatusCode: 2, Status: "not every test shows something"}
	}
	return nil
}

// report has the node prove itself, or runs a suite on it.
func (a *app) report(ctx context.Context, f proveFlags) (*prove.Report, error) {
	if f.suite == "" {
		return a.prove(ctx, f.like)
	}
	report, err := suite.Run(ctx, a.client.APIClient, f.suite, a.proveProgress())
	if err != nil {
		return nil, named(err)
	}
	return &report, nil
}

// check finds what is wrong before anything is attacked.
func (f proveFlags) check() error {
	if f.suite != "" && (f.like != "" || len(f.against) > 0) {
		return errors.New("--suite attacks images of yours, in containers with the default posture: leave --container and --against out")
	}
	if len(f.against) > 0 && (f.like != "" || f.format != "table") {
		return errors.New("--against compares default containers, as a table: leave --container and --format out")
	}
	if err := format.Write(io.Discard, f.format, prove.Report{}); err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	for _, path := range f.save {
		if _, err := format.Of(filepath.Ext(path)); err != nil {
			return fmt.Errorf("--save: %w", err)
		}
	}
	return nil
}

// showProof prints the report, or beside it those of other engines.
func (a *app) showProof(ctx context.Context, f proveFlags, report prove.Report) error {
	if len(f.against) == 0 {
		return format.Write(a.docker.Out(), f.format, report)
	}
	program, err := a.Probe()
	if err != nil {
		return named(err)
	}
	reports := []prove.Report{report}
	for _, address := range f.against {
		other, err := prove.Against(ctx, address, program, apis.All(), a.proveProgress())
		if err != nil {
			return named(err)
		}
		reports = append(reports, other)
	}
	return format.Compare(a.docker.Out(), reports)
}

// saveProof writes a report whole or not at all.
func saveProof(path string, report prove.Report) error {
	kind, err := format.Of(filepath.Ext(path))
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := format.Write(&text, kind, report); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o644)
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
