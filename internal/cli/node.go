package cli

import (
	"context"
	"errors"

	"github.com/bailey-run/bailey/internal/cli/daemon"
	dockercli "github.com/docker/cli/cli"
	"github.com/spf13/cobra"
)

const upHelp = `Run a node in the foreground.

A node is an engine with its containers, images, networks and volumes. The
machine's own keeps them in ` + daemon.DefaultDir + ` and answers on
` + daemon.DefaultSocket + ` for root and the group ` + daemon.DefaultGroup + `. With --dir everything is
kept in that directory, the socket too (DIR/bailey.sock), so that several nodes
can live side by side: bailey --host DIR ... talks to that one.

Containers do not depend on this process: when it ends they go on, and the next
one takes them over. SIGTERM and SIGINT let running requests finish first (a
second signal does not wait); SIGHUP reads the policy file again. As a systemd
service it is of Type=notify-reload, with or without socket activation.

The policy file says which relaxations of the default posture are allowed, to
whom and why; without one there are none. The configuration file (TOML) has
these keys, all optional:

  runtime = "/usr/bin/crun"       OCI runtime to use instead of the one carried
  policy = "/etc/bailey/policy.toml"
  socket-group = "bailey"         who may use the API beside root
  also-listen = ["unix:///PATH"]  further unix sockets
  log-level = "info"              debug, info, warn or error
  log-format = "text"             text or json
  registry-certificates = "/etc/bailey/certs.d"

Both files must belong to root and be writable by nobody else.`

// newUp is `bailey up`.
func (a *app) newUp() *cobra.Command {
	var flags daemon.Flags
	cmd := &cobra.Command{
		Use:                   "up [OPTIONS]",
		Short:                 "Run a node in the foreground",
		Long:                  upHelp,
		Args:                  dockercli.NoArgs,
		Annotations:           map[string]string{ownSignals: "true", "category-top": "13"},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := daemon.Load(flags)
			if err != nil {
				return named(err)
			}
			return named(daemon.Up(cmd.Context(), c, a.Wiring, a.docker.Out(), a.docker.Err()))
		},
	}
	cmd.Flags().StringVar(&flags.Dir, "dir", "", "Keep everything of the node in this directory (default "+daemon.DefaultDir+")")
	cmd.Flags().StringVar(&flags.ConfigFile, "config", "", "Configuration file (default /etc/bailey/config.toml, or DIR/config.toml)")
	cmd.Flags().StringVar(&flags.PolicyFile, "policy", "", "Policy file (default /etc/bailey/policy.toml, or DIR/policy.toml)")
	return cmd
}

// newDestroy is `bailey destroy`.
func (a *app) newDestroy() *cobra.Command {
	var flags daemon.Flags
	var data bool
	cmd := &cobra.Command{
		Use:   "destroy [OPTIONS] --dir DIR",
		Short: "Stop all containers of a node and remove what it has in the kernel",
		Long: `Stop all containers of a node and remove what it has in the kernel: processes,
cgroups, network interfaces, firewall rules. Its files are kept, so that
` + "`bailey up`" + ` finds its containers again, stopped; with --data they are removed
too. The node must not be running.`,
		Args:                  dockercli.NoArgs,
		Annotations:           map[string]string{ownSignals: "true"},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.Dir == "" {
				return named(errors.New("--dir is required, so that no node is destroyed by a habit; for the machine's own write: bailey destroy --dir " + daemon.DefaultDir))
			}
			c, err := daemon.Load(flags)
			if err != nil {
				return named(err)
			}
			ctx := context.WithoutCancel(cmd.Context()) // half a removal is worse than a whole one
			return named(daemon.Destroy(ctx, c, a.Wiring, data, a.docker.Out(), a.docker.Err()))
		},
	}
	cmd.Flags().StringVar(&flags.Dir, "dir", "", "The node's directory (required)")
	cmd.Flags().BoolVar(&data, "data", false, "Remove its files too: images, volumes, logs, everything")
	return cmd
}

// named says who speaks.
func named(err error) error {
	if err == nil {
		return nil
	}
	return &namedError{err}
}

type namedError struct{ error }

func (e *namedError) Error() string { return "bailey: " + e.error.Error() }
func (e *namedError) Unwrap() error { return e.error }
