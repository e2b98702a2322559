package cli

import (
	"errors"
	"fmt"

	"github.com/docker/cli/cli/command"
	"github.com/moby/moby/client/pkg/versions"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// oldestAPI is the version of the Docker API that every node speaks. What was
// there by then needs no asking.
const oldestAPI = "1.40"

// supported refuses a command or a flag that the node it goes to does not
// have. The node is asked only when the answer depends on it.
func supported(cmd *cobra.Command, docker command.Cli) error {
	for c := cmd; c != nil; c = c.Parent() {
		if err := gate(c.Annotations["version"], c.Annotations["ostype"], has(c.Annotations, "experimental"), "`"+cmd.CommandPath()+"`", docker); err != nil {
			return err
		}
	}
	var errs []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			errs = append(errs, gate(first(f, "version"), first(f, "ostype"), has(f.Annotations, "experimental"), "--"+f.Name, docker))
		}
	})
	return errors.Join(errs...)
}

// gate judges one command or flag by its annotations.
func gate(version, system string, experimental bool, what string, docker command.Cli) error {
	switch {
	case system != "" && system != "linux":
		return fmt.Errorf("%s is for containers of %s, and a node runs those of Linux", what, system)
	case experimental:
		return fmt.Errorf("%s is an experiment of Docker's that a node does not have", what)
	case version == "" || versions.LessThanOrEqualTo(version, oldestAPI):
		return nil
	}
	if spoken := docker.CurrentVersion(); versions.LessThan(spoken, version) {
		return fmt.Errorf("%s needs version %s of the API, and the node speaks %s; update the node", what, version, spoken)
	}
	return nil
}

// hideUnsupported keeps what no node has out of help.
func hideUnsupported(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		system := first(f, "ostype")
		if has(f.Annotations, "experimental") || system != "" && system != "linux" {
			f.Hidden = true
		}
	})
}

func has[T any](annotations map[string]T, key string) bool {
	_, ok := annotations[key]
	return ok
}

// first returns a flag's annotation, which is a list of one.
func first(f *pflag.Flag, key string) string {
	if values := f.Annotations[key]; len(values) == 1 {
		return values[0]
	}
	return ""
}
