package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/bailey-run/bailey/internal/cli/daemon"
	"github.com/bailey-run/bailey/internal/secret"
	dockercli "github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"
)

// newSecret is `bailey secret`. It works on the node's files, as root on the
// node's machine: secrets are not sent over the API.
func (a *app) newSecret() *cobra.Command {
	cmd := &cobra.Command{
		Use:                   "secret",
		Short:                 "Manage the secrets of a node on this machine",
		Args:                  dockercli.NoArgs,
		RunE:                  command.ShowHelp(a.docker.Err()),
		DisableFlagsInUseLine: true,
	}
	cmd.AddCommand(a.newSecretCreate(), a.newSecretList(), a.newSecretRemove())
	return cmd
}

func (a *app) newSecretCreate() *cobra.Command {
	return &cobra.Command{
		Use:   "create NAME [FILE|-]",
		Short: "Store a secret, read from a file or from standard input",
		Long: `Store a secret, read from a file or from standard input, byte for byte. A name
that exists is not overwritten. ` + "`bailey run --secret NAME`" + ` delivers it.`,
		Args:                  dockercli.RequiresRangeArgs(1, 2),
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := a.secrets()
			if err != nil {
				return err
			}
			data, err := a.readSecret(append(args[1:], "-")[0])
			if err != nil {
				return named(err)
			}
			return named(store.Put(args[0], secret.NewValue(data)))
		},
	}
}

func (a *app) newSecretList() *cobra.Command {
	return &cobra.Command{
		Use:                   "ls",
		Short:                 "List secrets by name",
		Args:                  dockercli.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error {
			store, err := a.secrets()
			if err != nil {
				return err
			}
			list, err := store.List()
			if err != nil {
				return named(err)
			}
			table := tabwriter.NewWriter(a.docker.Out(), 0, 4, 3, ' ', 0)
			fmt.Fprintln(table, "NAME\tCREATED")
			for _, s := range list {
				fmt.Fprintf(table, "%s\t%s\n", s.Name, s.Created.Local().Format(time.DateTime))
			}
			return table.Flush()
		},
	}
}

func (a *app) newSecretRemove() *cobra.Command {
	return &cobra.Command{
		Use:                   "rm NAME [NAME...]",
		Short:                 "Remove secrets; containers that run keep theirs",
		Args:                  dockercli.RequiresMinArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := a.secrets()
			if err != nil {
				return err
			}
			var errs []error
			for _, name := range args {
				if err := store.Remove(name); err != nil {
					errs = append(errs, named(err))
				} else {
					fmt.Fprintln(a.docker.Out(), name)
				}
			}
			return errors.Join(errs...)
		},
	}
}

// secrets opens the secrets of the node that is meant.
func (a *app) secrets() (*secret.Store, error) {
	dir := a.target.dir
	switch {
	case a.target.socket == daemon.DefaultSocket:
		dir = daemon.DefaultDir
	case a.target.socket == "":
		return nil, named(errors.New("secrets are not sent over the API; run this on the node's machine, for example: ssh HOST sudo bailey secret ls"))
	case dir == "":
		dir = filepath.Dir(a.target.socket)
	}
	if os.Geteuid() != 0 {
		return nil, named(&daemon.RootError{Command: "bailey secret", Why: "only root may read or write what a node keeps secret"})
	}
	c, err := daemon.Existing(dir)
	if err != nil {
		return nil, named(err)
	}
	store, err := secret.Open(c.Path("secrets"))
	return store, named(err)
}

// readSecret reads a file, or standard input for "-".
func (a *app) readSecret(path string) ([]byte, error) {
	if path == "-" {
		if a.docker.In().IsTerminal() {
			return nil, errors.New("a secret is not typed in, where it would be shown; name a file, or pipe it in")
		}
		return limited(a.docker.In())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return limited(f)
}

func limited(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, secret.MaxSize+1))
	if err == nil && len(data) > secret.MaxSize {
		err = fmt.Errorf("the secret is larger than %d bytes", secret.MaxSize)
	}
	return data, err
}
