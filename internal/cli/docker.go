package cli

import (
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	_ "unsafe" // for go:linkname

	"github.com/docker/cli/cli/command"
	_ "github.com/docker/cli/cli/command/container" // each registers its verbs
	_ "github.com/docker/cli/cli/command/image"
	_ "github.com/docker/cli/cli/command/network"
	_ "github.com/docker/cli/cli/command/registry"
	_ "github.com/docker/cli/cli/command/system"
	_ "github.com/docker/cli/cli/command/volume"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/version"
	"github.com/spf13/cobra"
)

// registered returns the constructors of the verbs whose packages are imported
// above. The exported way to them (cli/command/commands) imports every package,
// also those of verbs that are not served: Swarm, stacks, plugins. That more
// than doubles the time that each `bailey` takes to start (6 ms against 13) and
// links 12 MB more. A version of docker/cli without this function does not link.
//
//go:linkname registered github.com/docker/cli/internal/commands.Commands
func registered() []func(command.Cli) *cobra.Command

// served lists Docker's verbs that a node answers; those of groups follow the
// group's name. What is not listed is not there.
var served = map[string][]string{
	"attach": nil, "cp": nil, "create": nil, "diff": nil, "events": nil, "exec": nil, "export": nil, "history": nil,
	"images": nil, "import": nil, "inspect": nil, "kill": nil, "load": nil, "login": nil, "logout": nil, "logs": nil,
	"pause": nil, "port": nil, "ps": nil, "pull": nil, "push": nil, "rename": nil, "restart": nil, "rm": nil, "rmi": nil,
	"run": nil, "save": nil, "start": nil, "stats": nil, "stop": nil, "tag": nil, "top": nil, "unpause": nil,
	"update": nil, "version": nil, "wait": nil,
	"container": {
		"attach", "cp", "create", "diff", "exec", "export", "inspect", "kill", "logs", "ls", "pause", "port", "prune",
		"rename", "restart", "rm", "run", "start", "stats", "stop", "top", "unpause", "update", "wait",
	},
	"image":   {"history", "import", "inspect", "load", "ls", "prune", "pull", "push", "rm", "save", "tag"},
	"network": {"connect", "create", "disconnect", "inspect", "ls", "prune", "rm"},
	"system":  {"df", "dial-stdio", "events", "prune"},
	"volume":  {"create", "inspect", "ls", "prune", "rm"},
}

// unserved are verbs that Docker's users may try and that a node does not answer.
var unserved = []string{
	"builder", "buildx", "checkpoint", "commit", "config", "context", "manifest", "node", "plugin",
	"scout", "search", "service", "stack", "swarm", "trust",
}

// addDockerVerbs adds the served ones to root.
func addDockerVerbs(root *cobra.Command, docker command.Cli) {
	for _, construct := range registered() {
		cmd := construct(docker)
		names, ok := served[cmd.Name()]
		if !ok {
			continue
		}
		for _, sub := range cmd.Commands() {
			if !slices.Contains(names, sub.Name()) {
				cmd.RemoveCommand(sub)
			}
		}
		root.AddCommand(cmd)
	}
}

// takeOver gives Docker's code Bailey's name, version and configuration
// directory. It comes before anything else of it is used.
func takeOver(v string) {
	config.SetDir(configDir())
	version.PlatformName = "Bailey"
	version.Version, version.GitCommit, version.BuildTime = v, "", ""
}

// configDir is where the user's credentials and preferences are: not
// Docker's, whose plugins, hooks and contexts are not meant for Bailey.
func configDir() string {
	if dir := os.Getenv("BAILEY_CONFIG"); dir != "" {
		return dir
	}
	if dir, err := os.UserConfigDir(); err == nil {
		return filepath.Join(dir, "bailey")
	}
	if u, err := user.Current(); err == nil && u.HomeDir != "" {
		return filepath.Join(u.HomeDir, ".config", "bailey")
	}
	return "/etc/bailey/client"
}

// userAgent is what the client calls itself in requests.
func userAgent(v string) string { return "Bailey-Client/" + v + " (" + runtime.GOOS + ")" }
