package cli

import (
	"io"
	"slices"

	"github.com/bailey-run/bailey/internal/cli/guard"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/streams"
	"github.com/spf13/cobra"
)

// terminal guards the output streams that are terminals. Those that are not
// get every byte as it is; so `bailey logs web | cat` shows what a container
// really wrote.
type terminal struct {
	docker      *command.DockerCli
	out, err    *guard.Writer // nil while the stream is not guarded
	restore     []func()
	progressing bool
}

// The verbs that need more than text. All others get guard.Text.
var (
	// progressVerbs redraw lines, with content of the client's own making.
	progressVerbs = []string{"pull", "push", "load", "import", "run", "create", "stats", "cp", "login"}
	// colourVerbs show what containers write, or use colours themselves.
	colourVerbs = []string{"logs", "attach", "start", "exec", "images", "ls"}
	// ttyVerbs give the terminal to a container when asked for with --tty.
	ttyVerbs = []string{"run", "create", "exec"}
)

// joins tells of the verbs that become part of a terminal session when the
// container has one.
func joins(cmd *cobra.Command) bool {
	return cmd != nil && slices.Contains([]string{"start", "attach"}, cmd.Name())
}

// guard puts a guard before the terminal as the command needs it.
func (t *terminal) guard(cmd *cobra.Command) {
	if tty := cmd.Flags().Lookup("tty"); tty != nil && tty.Value.String() == "true" && slices.Contains(ttyVerbs, cmd.Name()) {
		return
	}
	mode := guard.Text
	switch {
	case slices.Contains(progressVerbs, cmd.Name()):
		mode = guard.Progress
	case slices.Contains(colourVerbs, cmd.Name()):
		mode = guard.Colour
	}
	t.progressing = mode == guard.Progress
	t.out = t.wrap(t.docker.Out(), mode, command.WithOutputStream, (*command.DockerCli).Out)
	t.err = t.wrap(t.docker.Err(), mode, command.WithErrorStream, (*command.DockerCli).Err)
}

// wrap replaces one stream by a guarded one that still says it is a terminal.
func (t *terminal) wrap(s *streams.Out, mode guard.Mode, set func(io.Writer) command.CLIOption, get func(*command.DockerCli) *streams.Out) *guard.Writer {
	file, ok := s.File()
	if !ok || !s.IsTerminal() {
		return nil
	}
	g := guard.New(file, mode)
	_ = set(g)(t.docker) // these options cannot fail
	get(t.docker).SetIsTerminal(true)
	t.restore = append(t.restore, func() { _ = set(file)(t.docker) })
	return g
}

// guarded tells whether standard output is a terminal that is guarded.
func (t *terminal) guarded() bool { return t.out != nil }

// restrict takes the right to redraw lines away from both streams.
func (t *terminal) restrict(mode guard.Mode) {
	if !t.progressing {
		return
	}
	t.progressing = false
	for _, g := range []*guard.Writer{t.out, t.err} {
		if g != nil {
			g.SetMode(mode)
		}
	}
}

// raw takes the guards away.
func (t *terminal) raw() {
	t.close()
	for _, restore := range t.restore {
		restore()
	}
	t.restore = nil
}

// close shows what the guards hold back and forgets them.
func (t *terminal) close() {
	for _, g := range []*guard.Writer{t.out, t.err} {
		if g != nil {
			_ = g.Close()
		}
	}
	t.out, t.err = nil, nil
}
