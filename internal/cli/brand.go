package cli

import (
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// branding replaces the name in texts that Docker's code wrote: what a person
// types, and what the engine is called. Names of other things stay: Docker Hub,
// Dockerfile, docker.io, DOCKER_ variables.
var branding = strings.NewReplacer(
	"Docker Hub", "Docker Hub",
	"Docker Engine API", "Docker Engine API",
	"Docker ID", "Docker ID",
	"the Docker daemon", "the node",
	"the docker daemon", "the node",
	"Docker daemon", "node",
	"the docker API", "the node",
	"Docker API socket", "Docker API socket",
	"Manage Docker", "Manage the node",
	"docker disk usage", "disk usage",
	"the Docker version information", "the version of Bailey, here and on the node",
	"Docker objects", "containers, images, networks and volumes",
	"docker engine", "engine",
	"Dockerfile", "Dockerfile",
	"docker.io", "docker.io",
	"docker/", "docker/",
	"/docker", "/docker",
	".docker", ".docker",
	"docker-", "docker-",
	"Docker", "Bailey",
	"docker", "bailey",
)

// brand rebrands a help text.
func brand(text string) string { return branding.Replace(text) }

// quoted finds the places of an error text where Docker's code names its own
// program; the rest of an error may be anybody's data and is left alone.
// It is compiled when there is an error, not at every start.
var quoted = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(^|\n)docker: |(['"` + "`" + `])docker ([a-z]+)`)
})

// brandError rebrands an error text.
func brandError(text string) string {
	text = quoted().ReplaceAllStringFunc(text, func(s string) string { return strings.Replace(s, "docker", "bailey", 1) })
	for _, phrase := range []string{"the Docker daemon", "the docker daemon", "the docker API"} {
		text = strings.ReplaceAll(text, phrase, "the node")
	}
	return text
}

// brandTree rebrands everything that help shows of cmd and the commands below it.
func brandTree(cmd *cobra.Command) {
	cmd.Short, cmd.Long, cmd.Example = brand(cmd.Short), brand(cmd.Long), brand(cmd.Example)
	if aliases, ok := cmd.Annotations["aliases"]; ok {
		cmd.Annotations["aliases"] = strings.ReplaceAll(aliases, "docker ", "bailey ")
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = brand(f.Usage) })
	for _, sub := range cmd.Commands() {
		brandTree(sub)
	}
}
