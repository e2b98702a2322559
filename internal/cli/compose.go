package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/cli/daemon"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// composeProgram is Compose, built from its own module and installed beside this program. As a library it would cost every other
// verb a third of its start; see docs/architecture.md.
const composeProgram = "bailey-compose"

// newCompose hands over to Compose, which then is this process: its terminal, its signals and its exit status are its own. Only where it
// would print to a terminal what containers wrote, this process stays between the two.
func (a *app) newCompose() *cobra.Command {
	return &cobra.Command{
		Use:                   "compose [OPTIONS] COMMAND",
		Short:                 "Define and run applications of several containers with Compose",
		DisableFlagParsing:    true, // they are Compose's, --help among them
		DisableFlagsInUseLine: true,
		Annotations:           map[string]string{ownSignals: "true"},
		RunE: func(_ *cobra.Command, args []string) error {
			if a.target.socket == "" {
				return errors.New("bailey compose drives a node of this machine; run it on the other one: ssh HOST bailey compose " + strings.Join(args, " "))
			}
			program, err := findCompose()
			if err != nil {
				return err
			}
			env := composeEnvironment(os.Environ(), a.target.url)
			if a.docker.Out().IsTerminal() && composeShows(args) {
				return composeGuarded(program, args, env)
			}
			if err := unix.Exec(program, append([]string{composeProgram}, args...), env); err != nil {
				return fmt.Errorf("execute %s: %w", program, err)
			}
			return nil
		},
	}
}

// findCompose looks where it was built or installed with this program. Nothing is looked for along PATH, where others may put things.
func findCompose() (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", fmt.Errorf("where this program lies: %w", err)
	}
	dir := filepath.Dir(self)
	for _, path := range []string{filepath.Join(dir, composeProgram), filepath.Join(dir, "../libexec/bailey", composeProgram)} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	//lint:ignore ST1005 Compose is a name
	return "", fmt.Errorf("Compose is a program of its own, %s, which is not beside %s: `make install` puts it there. "+
		"The stock plug-in works too: DOCKER_HOST=unix://"+daemon.DefaultSocket+" docker compose", composeProgram, self)
}

// composeEnvironment names the node in the way of Docker's clients, and leaves out what would name another.
func composeEnvironment(env []string, host string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}, name)
	})
	return append(env, "DOCKER_HOST="+host, "DOCKER_CONFIG="+configDir())
}
