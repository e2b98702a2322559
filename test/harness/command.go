package harness

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Result is what a command printed and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int // exit status; -1 when it was killed or could not be started
}

// CommandWithin is how long a command line may take before it is killed: a verb that hangs fails one test and not all.
const CommandWithin = 2 * time.Minute

// Bailey runs a verb of the tested bailey against the node.
func (n *Node) Bailey(ctx context.Context, args ...string) Result {
	ctx, cancel := context.WithTimeout(ctx, CommandWithin)
	defer cancel()
	return run(n.BaileyCommand(ctx, args...))
}

// BaileyCommand prepares a verb of the tested bailey against the node, for a test that wants its pipes.
func (n *Node) BaileyCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, n.options.Bin, args...)
	cmd.Env = append(n.environment(), "BAILEY_HOST=unix://"+n.Socket)
	return cmd
}

// Docker runs the stock docker command line against the node. See HasDocker.
func (n *Node) Docker(ctx context.Context, args ...string) Result {
	ctx, cancel := context.WithTimeout(ctx, CommandWithin)
	defer cancel()
	return run(n.DockerCommand(ctx, args...))
}

// DockerCommand prepares the stock docker command line against the node.
func (n *Node) DockerCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(n.environment(), "DOCKER_HOST=unix://"+n.Socket)
	return cmd
}

// HasDocker tells whether the stock docker command line is installed here.
func HasDocker() bool {
	_, err := exec.LookPath("docker")
	return err == nil
}

// environment keeps the command lines away from the user's own configuration.
func (n *Node) environment() []string {
	home := filepath.Join(n.base, "home")
	_ = os.MkdirAll(home, 0o700)
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TERM=dumb",
		"DOCKER_CONFIG=" + filepath.Join(home, ".docker"), "DOCKER_CLI_HINTS=false",
	}
}

// run runs a prepared command to its end.
func run(cmd *exec.Cmd) Result {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // for what a killed command leaves at its pipes
	err := cmd.Run()
	result := Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		result.Stderr += err.Error()
		result.Code = -1
	}
	if result.Code == -1 {
		result.Stderr += "\n(the command was killed; it may have hung)"
	}
	return result
}
