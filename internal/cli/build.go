package cli

import (
	"errors"
	"fmt"
	"strings"

	dockercli "github.com/docker/cli/cli"
	"github.com/spf13/cobra"
)

// newBuild is `bailey build`.
func (a *app) newBuild() *cobra.Command {
	var look bool
	var args []string
	var o lintOptions
	cmd := &cobra.Command{
		Use:   "build --lint [OPTIONS] DIR",
		Short: "Say what makes an image worse before it is built",
		Long: `Say what makes an image worse before it is built: root, secrets in layers, code
that nobody verified, caches, shells. Nothing is built or fetched, and no node
is needed. The exit status is 1 when there is a finding of level error.`,
		Args:                  dockercli.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, dirs []string) error {
			if !look {
				return named(errors.New("building is not there yet; add --lint to have the Dockerfile looked at"))
			}
			o.buildArgs = map[string]string{}
			for _, arg := range args {
				name, value, ok := strings.Cut(arg, "=")
				if !ok || name == "" {
					return dockercli.StatusError{Status: named(fmt.Errorf("--build-arg %q: say NAME=VALUE", name)).Error(), StatusCode: lintFailed}
				}
				o.buildArgs[name] = value
			}
			return a.lint(dirs[0], o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&look, "lint", false, "Look at the Dockerfile and build nothing")
	flags.StringVarP(&o.file, "file", "f", "", `Name of the Dockerfile ("-" for standard input; default DIR/Dockerfile)`)
	flags.StringVar(&o.format, "format", "text", `How --lint shows what it found ("text", "json", "sarif")`)
	flags.StringVar(&o.target, "target", "", "The stage that becomes the image")
	flags.StringArrayVar(&args, "build-arg", nil, "A value for an ARG of the Dockerfile (NAME=VALUE)")
	return cmd
}
