package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/build/client"
	dockercli "github.com/docker/cli/cli"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// buildOptions are the flags of `bailey build`.
type buildOptions struct {
	client.Options
	lint   bool
	format string // of --lint
	load   bool
	push   bool
}

// newBuild is `bailey build`.
func (a *app) newBuild() *cobra.Command {
	var o buildOptions
	cmd := &cobra.Command{
		Use:   "build [OPTIONS] DIR | ADDRESS | -",
		Short: "Build an image",
		Long: `Build an image from a Dockerfile and the files beside it. Its steps run in the
sandbox of a container, without a network unless the policy allows one.

With --lint nothing is built: the Dockerfile is looked at for what makes an
image worse (root, secrets in layers, code that nobody verified, caches,
shells). The exit status is then 1 when there is a finding of level error.`,
		Args:                  dockercli.ExactArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Context = args[0]
			if o.lint {
				return a.lintBuild(&o)
			}
			return a.build(cmd.Context(), &o)
		},
	}
	o.add(cmd.Flags())
	return cmd
}

// add adds the flags, by the names that Docker's command line has for them.
func (o *buildOptions) add(flags *pflag.FlagSet) {
	flags.BoolVar(&o.lint, "lint", false, "Look at the Dockerfile and build nothing")
	flags.StringVar(&o.format, "format", "text", `How --lint shows what it found ("text", "json", "sarif")`)
	flags.StringVarP(&o.File, "file", "f", "", `Name of the Dockerfile ("-" for standard input; default DIR/Dockerfile)`)
	flags.StringArrayVarP(&o.Tags, "tag", "t", nil, "A name for the image (NAME:TAG)")
	flags.StringVar(&o.Target, "target", "", "The stage that becomes the image")
	flags.StringArrayVar(&o.BuildArgs, "build-arg", nil, "A value for an ARG of the Dockerfile (NAME=VALUE)")
	flags.StringArrayVar(&o.Contexts, "build-context", nil, "A further directory or image (NAME=PLACE)")
	flags.StringArrayVar(&o.Labels, "label", nil, "A label of the image (NAME=VALUE)")
	flags.StringArrayVar(&o.Secrets, "secret", nil, "A secret for RUN --mount=type=secret (id=NAME,src=FILE or id=NAME,env=VARIABLE)")
	flags.StringArrayVar(&o.SSH, "ssh", nil, "An agent or key for RUN --mount=type=ssh (default, or ID=SOCKET or KEY)")
	flags.StringArrayVar(&o.AddHosts, "add-host", nil, "A name for an address (NAME=ADDRESS)")
	flags.StringSliceVar(&o.Platforms, "platform", nil, "The platforms to build for")
	flags.StringArrayVarP(&o.Outputs, "output", "o", nil, "Where the result goes (a directory, or type=local|tar|oci|docker|image,dest=PATH)")
	flags.BoolVar(&o.load, "load", false, "Put the image into the node's store: the default")
	flags.BoolVar(&o.push, "push", false, "Send the image to its registry")
	flags.StringArrayVar(&o.CacheFrom, "cache-from", nil, "Where to look for layers (an image, or type=registry|local,…)")
	flags.StringArrayVar(&o.CacheTo, "cache-to", nil, "Where to put layers for other nodes (type=registry|local|inline,…)")
	flags.BoolVar(&o.NoCache, "no-cache", false, "Build everything anew")
	flags.StringSliceVar(&o.NoCacheStages, "no-cache-filter", nil, "Build these stages anew")
	flags.BoolVar(&o.Pull, "pull", false, "Look for newer base images")
	flags.StringVar(&o.Network, "network", "default", `The network of the steps ("default", "none", "host"); what the policy allows at most`)
	flags.StringVar(&o.ShmSize, "shm-size", "", "The size of /dev/shm")
	flags.StringArrayVar(&o.Ulimits, "ulimit", nil, "A resource limit of the steps")
	flags.StringArrayVar(&o.Allow, "allow", nil, `What the build may use beyond its sandbox ("network.host")`)
	flags.StringVar(&o.Provenance, "provenance", "", `What the provenance holds ("mode=min", "mode=max"); it is always there`)
	flags.StringVar(&o.SBOM, "sbom", "", "Add a list of what is in the image (true, or attributes)")
	flags.StringVar(&o.Progress, "progress", "auto", `How progress is shown ("auto", "plain", "tty", "rawjson", "quiet")`)
	flags.BoolVarP(&o.Quiet, "quiet", "q", false, "Show the image's id and nothing else")
	flags.StringVar(&o.IDFile, "iidfile", "", "Write the image's id to a file")
	flags.StringVar(&o.MetadataFile, "metadata-file", "", "Write what the build answered to a file")
}

// lintBuild is `bailey build --lint`.
func (a *app) lintBuild(o *buildOptions) error {
	args := map[string]string{}
	for _, arg := range o.BuildArgs {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return dockercli.StatusError{Status: named(fmt.Errorf("--build-arg %q: say NAME=VALUE", arg)).Error(), StatusCode: lintFailed}
		}
		args[name] = value
	}
	return a.lint(o.Context, lintOptions{file: o.File, format: o.format, target: o.Target, buildArgs: args})
}

// build is `bailey build` on a node.
func (a *app) build(ctx context.Context, o *buildOptions) error {
	o.In, o.Out, o.Err, o.Environment = a.docker.In(), a.docker.Out(), a.docker.Err(), os.LookupEnv
	if o.Progress == "auto" || o.Progress == "" || o.Progress == "tty" {
		o.Err = os.Stderr // what shows whether there is a terminal
	}
	o.Credentials = a.credentials
	if o.push {
		if slices.ContainsFunc(o.Outputs, func(s string) bool { return strings.Contains(s, "=") }) {
			return named(errors.New("--push and --output cannot be used together: say --output type=image,push=true"))
		}
		if len(o.Tags) == 0 {
			return named(errors.New("--push needs a name for the image: -t NAME:TAG"))
		}
		o.Outputs = append(o.Outputs, "type=image,push=true")
	}
	if err := client.Run(ctx, a.docker.Client(), o.Options); err != nil {
		return named(err)
	}
	return nil
}

// credentials looks up the user's for a registry, as the other verbs do.
func (a *app) credentials(host string) (user, secret string) {
	if host == "docker.io" {
		host = "https://index.docker.io/v1/"
	}
	auth, err := a.docker.ConfigFile().GetAuthConfig(host)
	if err != nil {
		return "", "" // the registry says what is missing
	}
	if auth.IdentityToken != "" {
		return "", auth.IdentityToken
	}
	return auth.Username, auth.Password
}
