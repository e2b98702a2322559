package e2e

import (
	"bytes"
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// number is a number of the environment, for those who want more of a test than there is time for by default.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number of at least 1", name, text)
	}
	return n
}

// shell describes a container of the test image that runs a script.
func shell(name, script string) client.ContainerCreateOptions {
	return client.ContainerCreateOptions{
		Name:       name,
		Config:     &container.Config{Image: harness.Image, Cmd: []string{"sh", "-c", script}},
		HostConfig: &container.HostConfig{},
	}
}

// launch creates and starts a container and returns its id.
func launch(t *testing.T, node *harness.Node, options client.ContainerCreateOptions) string {
	t.Helper()
	made, err := node.Client.ContainerCreate(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.Client.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// inspect is what the node says of a container.
func inspect(t *testing.T, node *harness.Node, ref string) container.InspectResponse {
	t.Helper()
	got, err := node.Client.ContainerInspect(t.Context(), ref, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return got.Container
}

// logged is all that a container has written to its standard output so far.
func logged(ctx context.Context, node *harness.Node, ref string) (string, error) {
	stream, err := node.Client.ContainerLogs(ctx, ref, client.ContainerLogsOptions{ShowStdout: true})
	if err != nil {
		return "", err
	}
	defer stream.Close()
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, io.Discard, stream)
	return out.String(), err
}

// run runs a command in a running container and returns its standard output and exit status.
func run(ctx context.Context, node *harness.Node, ref string, command ...string) (string, int, error) {
	made, err := node.Client.ExecCreate(ctx, ref, client.ExecCreateOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return "", -1, err
	}
	stream, err := node.Client.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", -1, err
	}
	defer stream.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, stream.Reader); err != nil {
		return out.String(), -1, err
	}
	state, err := node.Client.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
	return out.String(), state.ExitCode, err
}

// eventually waits until a condition holds and fails the test when it does not within the time.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// claims counts the ranges of user ids that a node holds of the machine.
func claims(t *testing.T, node *harness.Node) int {
	t.Helper()
	const dir = "/run/bailey/ids"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, entry := range entries {
		if holder, _ := os.Readlink(dir + "/" + entry.Name()); strings.HasPrefix(holder, node.Dir) {
			held++
		}
	}
	return held
}
