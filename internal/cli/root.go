package cli

import (
	"errors"

	dockercli "github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Annotations of Bailey's own commands.
const (
	// ownSignals marks a command that handles signals itself.
	ownSignals = "bailey-own-signals"
)

const homepage = "https://github.com/bailey-run/bailey"

// refusedFlags are global flags of Docker's that mean nothing here, with the reason.
var refusedFlags = map[string]string{
	"context":   "nodes are chosen with --host or " + hostVariable + "; there are no contexts",
	"tls":       "a node is reached by a unix socket or over ssh, never by TCP",
	"tlsverify": "a node is reached by a unix socket or over ssh, never by TCP",
	"tlscacert": "a node is reached by a unix socket or over ssh, never by TCP",
	"tlscert":   "a node is reached by a unix socket or over ssh, never by TCP",
	"tlskey":    "a node is reached by a unix socket or over ssh, never by TCP",
}

// newRoot builds the tree of commands.
func (a *app) newRoot() {
	root := &cobra.Command{
		Use:                   "bailey [OPTIONS] COMMAND [ARG...]",
		Short:                 "Run containers that are confined by default",
		SilenceUsage:          true,
		SilenceErrors:         true,
		TraverseChildren:      true,
		Version:               a.Version,
		DisableFlagsInUseLine: true,
		CompletionOptions:     cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return command.ShowHelp(a.docker.Err())(cmd, args)
			}
			return unknownVerb(args[0])
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.before(cmd) },
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.SetIn(a.docker.In())
	root.SetOut(a.docker.Out())
	root.SetErr(a.docker.Err())
	opts, _ := dockercli.SetupRootCommand(root)
	root.SetVersionTemplate("Bailey version {{.Version}}\n")
	root.Annotations["additionalHelp"] = "Documentation: " + homepage
	root.Flags().BoolP("version", "v", false, "Print version information and quit")
	for name := range refusedFlags {
		root.Flags().Lookup(name).Hidden = true
	}
	host := root.Flags().Lookup("host")
	host.Usage = "Node to talk to: unix:///PATH, a node's directory, or ssh://USER@HOST (or set " + hostVariable + ")"
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		brandTree(root)
		hideUnsupported(cmd)
		help(cmd, args)
	})
	addDockerVerbs(root, a.docker)
	a.adapt(root)
	root.AddCommand(a.newBuild(), a.newInit(), a.newUp(), a.newDestroy(), a.newPosture(), a.newProve(), a.newInfo(), a.newSecret(), a.newCompose())
	system, _, _ := root.Find([]string{"system"})
	system.AddCommand(a.newInfo())

	a.root = root
	a.opts = opts
	a.top = dockercli.NewTopLevelCommand(root, a.docker, opts, root.Flags())
}

// adapt changes the verbs of Docker's that do more, or something else, here.
func (a *app) adapt(root *cobra.Command) {
	for _, group := range [][]string{nil, {"container"}} {
		for _, verb := range []string{"run", "create"} {
			cmd, _, _ := root.Find(append(group[:len(group):len(group)], verb))
			a.extend(cmd)
		}
	}
	cmd, _, _ := root.Find([]string{"version"})
	a.adaptVersion(cmd)
}

// before is what happens before every command.
func (a *app) before(cmd *cobra.Command) error {
	a.command = cmd
	if err := supported(cmd, a.docker); err != nil {
		return err
	}
	a.terminal.guard(cmd)
	return nil
}

// chooseNode settles which node is meant, once the global flags are known.
func (a *app) chooseNode() (err error) {
	var errs []error
	a.root.Flags().VisitAll(func(f *pflag.Flag) {
		if why, refused := refusedFlags[f.Name]; refused && f.Changed {
			errs = append(errs, named(errors.New("--"+f.Name+": "+why)))
		}
	})
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	a.target, err = chooseHost(a.opts.Hosts)
	// Docker's code is kept from its environment: the client is made elsewhere.
	*a.opts = cliflags.ClientOptions{
		Debug: a.opts.Debug, LogLevel: a.opts.LogLevel, ConfigDir: a.opts.ConfigDir, Hosts: []string{placeholder},
	}
	return err
}
