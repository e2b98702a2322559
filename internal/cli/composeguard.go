package cli

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/bailey-run/bailey/internal/cli/guard"
	dockercli "github.com/docker/cli/cli"
)

// showingVerbs are Compose's that print what containers wrote or chose, and need no more of a terminal than colours. Those that give
// the terminal to a container (exec, run, attach), and those that only redraw what Compose itself says, get it as it is.
var showingVerbs = []string{"events", "images", "logs", "ls", "ps", "top", "up", "volumes", "watch"}

// composeFlags are the global flags of Compose that are followed by a value.
var composeFlags = []string{"--ansi", "--env-file", "--file", "--parallel", "--profile", "--progress", "--project-directory", "--project-name", "--workdir", "-f", "-p"}

// composeShows tells whether a command line of Compose is one of showingVerbs.
func composeShows(args []string) bool {
	for i := 0; i < len(args); i++ {
		switch {
		case slices.Contains(composeFlags, args[i]):
			i++
		case strings.HasPrefix(args[i], "-"):
		case args[i] == "up":
			return !slices.ContainsFunc(args[i:], func(a string) bool { return a == "-d" || a == "--detach" || a == "--wait" })
		default:
			return slices.Contains(showingVerbs, args[i])
		}
	}
	return false
}

// composeGuarded runs Compose and cleans what it prints on its way to the terminal. Its colours come through.
func composeGuarded(program string, args, env []string) error {
	cmd := exec.Command(program, append([]string{"--ansi=always"}, args...)...)
	out, errs := guard.New(os.Stdout, guard.Colour), guard.New(os.Stderr, guard.Colour)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, out, errs
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, terminating...)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		for s := range signals {
			if s != syscall.SIGINT { // which the terminal gives to both
				_ = cmd.Process.Signal(s) // one that has ended needs none
			}
		}
	}()
	err := cmd.Wait()
	err = errors.Join(err, out.Close(), errs.Close())
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return dockercli.StatusError{StatusCode: max(exit.ExitCode(), 1)}
	}
	return err
}
