package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/bailey-run/bailey/internal/cli/daemon"
	"github.com/bailey-run/bailey/internal/cli/guard"
	"github.com/containerd/errdefs"
	dockercli "github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/spf13/cobra"
)

// Program is what the command line is a command line of.
type Program struct {
	// Version is what the binary says it is.
	Version string
	// Wiring is how `bailey up` makes a node.
	Wiring daemon.Wiring
	// Probe returns the program that `bailey prove` puts into containers.
	Probe func() ([]byte, error)
}

// shortGC keeps the collector from running at all in a command that only asks
// and shows, and while a node opens: each of its runs takes both processors of a small machine for a
// millisecond. A node that is open sets its own.
const shortGC = 400

// Main runs one command line, without the program's name, and returns its exit
// status: a container's own for run, exec, start and attach; 125 when a
// container could not be made, 126 when its command could not be executed, 127
// when there was none such; 128 and the signal's number when a signal ended
// it; otherwise 1 for a failure.
func Main(args []string, p Program) int {
	debug.SetGCPercent(shortGC)
	ctx, stop := notifyContext(context.Background())
	defer stop()
	app, err := newApp(ctx, args, p)
	if err == nil {
		err = app.run(ctx)
	}
	return app.finish(err)
}

// app is one run of the command line.
type app struct {
	Program
	docker   *command.DockerCli
	top      *dockercli.TopLevelCommand
	root     *cobra.Command
	target   target
	opts     *cliflags.ClientOptions
	client   *apiClient
	terminal *terminal
	dry      dryRun
	command  *cobra.Command // the one that is run, once it is known
}

// newApp puts the command line together. The app it returns can always finish.
func newApp(ctx context.Context, args []string, p Program) (*app, error) {
	a := &app{Program: p}
	takeOver(p.Version)
	var err error
	if a.docker, err = command.NewDockerCli(command.WithBaseContext(ctx), command.WithUserAgent(userAgent(p.Version))); err != nil {
		return a, err
	}
	a.terminal = &terminal{docker: a.docker}
	a.newRoot()
	a.top.SetArgs(args)
	return a, nil
}

// run finds the command and executes it.
func (a *app) run(ctx context.Context) error {
	root, args, err := a.top.HandleGlobalFlags()
	if err != nil {
		return err
	}
	if err := errors.Join(a.chooseNode(), a.connect()); err != nil {
		return err
	}
	if err := a.top.Initialize(command.WithAPIClient(a.client)); err != nil {
		return err
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	switch found, _, _ := root.Find(args); {
	case found == root && len(args) > 0 && args[0][:1] != "-" && args[0][:1] != "_":
		return unknownVerb(args[0]) // before its flags are taken for wrong
	case found.Annotations[ownSignals] != "":
		ctx = context.WithoutCancel(ctx)
	default:
		go forceExit(ctx, a.docker)
	}
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// finish says what went wrong and returns the exit status.
func (a *app) finish(err error) int {
	var ended endedBySignal
	switch {
	case err == nil, errors.As(err, &ended), errdefs.IsCanceled(err):
	default:
		a.say(a.explain(err))
	}
	if a.terminal != nil {
		a.terminal.close()
	}
	return a.exitStatus(err)
}

// say prints the text of an error.
func (a *app) say(text string) {
	switch {
	case text == "":
	case a.docker != nil && a.docker.Err().IsTerminal():
		stderr := guard.New(os.Stderr, guard.Text)
		fmt.Fprintln(stderr, text)
		_ = stderr.Close()
	default:
		fmt.Fprintln(os.Stderr, text)
	}
}

// exitStatus is the number by which scripts know what happened.
func (a *app) exitStatus(err error) int {
	var ended endedBySignal
	var status dockercli.StatusError
	switch {
	case err == nil, errdefs.IsCanceled(err) && !errors.As(err, &ended):
		return 0
	case errors.As(err, &ended):
		return 128 + int(ended.signal)
	case errors.As(err, &status) && status.StatusCode != 0:
		return status.StatusCode
	case a.command != nil && makesContainer(a.command) && unreachable(err):
		return 125
	}
	return 1
}

// endedBySignal is the cause of a context that a signal cancelled.
type endedBySignal struct{ signal syscall.Signal }

func (endedBySignal) Error() string { return "" }

// terminating are the signals that ask a command to end.
var terminating = []os.Signal{syscall.SIGTERM, syscall.SIGINT}

// notifyContext returns a context that the first terminating signal cancels.
func notifyContext(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, terminating...)
	go func() {
		defer signal.Stop(signals)
		select {
		case <-ctx.Done():
		case sig := <-signals:
			cancel(endedBySignal{sig.(syscall.Signal)})
		}
	}()
	return ctx, func() { cancel(nil) }
}

// forceExit ends a command that does not heed its context with the third
// signal, and leaves the terminal as it was found.
func forceExit(ctx context.Context, streams command.Streams) {
	<-ctx.Done()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, terminating...)
	for range 2 {
		<-signals
	}
	_, _ = fmt.Fprint(streams.Err(), "\nbailey: three signals, giving up at once\n")
	streams.In().RestoreTerminal()
	streams.Out().RestoreTerminal()
	streams.Err().RestoreTerminal()
	os.Exit(1)
}

// makesContainer tells of the verbs whose failure to reach the engine has a
// status of its own.
func makesContainer(cmd *cobra.Command) bool {
	return slices.Contains([]string{"run", "create"}, cmd.Name())
}
