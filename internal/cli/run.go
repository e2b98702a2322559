package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	dockercli "github.com/docker/cli/cli"
	"github.com/spf13/cobra"
)

// secretAnnotation tells the engine which secrets a container gets: their
// names, separated by commas.
const secretAnnotation = "run.bailey.secret"

// isSecretName tells whether a secret can be called so: it becomes a file's name.
func isSecretName(s string) bool {
	const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return s != "" && len(s) <= 64 && strings.Trim(s, alphanumeric+"_.-") == "" && strings.Contains(alphanumeric, s[:1])
}

// runFlags are the flags that `run` and `create` have beside Docker's.
type runFlags struct {
	dryRun       bool
	format       string
	secrets      []string
	writableRoot bool
	fetch        bool // the user said when to pull
}

// extend gives a verb that makes containers Bailey's own flags, which become
// fields of the same request that a stock client sends.
func (a *app) extend(cmd *cobra.Command) {
	var f runFlags
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "Show the posture that the container would have, and start nothing")
	flags.StringVar(&f.format, "format", "table", `How --dry-run shows it ("table", "json")`)
	flags.StringArrayVar(&f.secrets, "secret", nil, "Deliver a secret as a file in /run/secrets, in memory only (may be repeated)")
	flags.BoolVar(&f.writableRoot, "writable-root", false, "Let the container write its root filesystem (policy may refuse it)")
	for _, name := range []string{"use-api-socket", "isolation"} {
		flags.Lookup(name).Hidden = true
	}
	original := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.apply(cmd); err != nil {
			return dockercli.StatusError{Status: "bailey: " + err.Error() + "\n\nRun '" + cmd.CommandPath() + " --help' for more information", StatusCode: 125}
		}
		a.dry.on = f.dryRun
		err := original(cmd, args)
		if !f.dryRun {
			return err
		}
		if a.dry.plan != nil {
			return a.dry.plan.show(a.docker.Out(), a.docker.Err(), f.format)
		}
		if errdefs.IsNotFound(err) && !f.fetch {
			return fmt.Errorf("%w\nA dry run fetches nothing: run `bailey pull %s` first, or add --pull missing", unhelped(err), args[0])
		}
		return err
	}
}

// apply puts what the flags say into Docker's own flags.
func (f *runFlags) apply(cmd *cobra.Command) error {
	flags := cmd.Flags()
	if f.format != "table" && f.format != "json" {
		return fmt.Errorf("--format %q: say table or json", f.format)
	}
	if flags.Changed("format") && !f.dryRun {
		return errors.New("--format is how --dry-run shows the posture; add --dry-run")
	}
	if flags.Changed("use-api-socket") {
		return errors.New("--use-api-socket: a container never gets its engine's socket, with which it would be root on this machine")
	}
	if f.fetch = flags.Changed("pull"); f.dryRun && !f.fetch {
		if err := flags.Set("pull", "never"); err != nil {
			return err
		}
	}
	if f.writableRoot {
		if flags.Changed("read-only") {
			return errors.New("--writable-root and --read-only contradict each other")
		}
		if err := flags.Set("security-opt", "rootfs=writable"); err != nil {
			return err
		}
	}
	return f.applySecrets(cmd)
}

func (f *runFlags) applySecrets(cmd *cobra.Command) error {
	if len(f.secrets) == 0 {
		return nil
	}
	for _, name := range f.secrets {
		if !isSecretName(name) {
			return fmt.Errorf("--secret %q is not a secret's name: letters, digits, '_', '.' and '-', 64 at most, a letter or digit first", name)
		}
	}
	if strings.Contains(cmd.Flags().Lookup("annotation").Value.String(), secretAnnotation+":") {
		return fmt.Errorf("--secret and --annotation %s=... say the same thing twice; use --secret", secretAnnotation)
	}
	names := slices.Compact(slices.Sorted(slices.Values(f.secrets)))
	return cmd.Flags().Set("annotation", secretAnnotation+"="+strings.Join(names, ","))
}

// unhelped takes the line that points to --help away: here there is a better one.
func unhelped(err error) error {
	var status dockercli.StatusError
	if errors.As(err, &status) && status.Cause != nil {
		return status.Cause
	}
	return err
}
