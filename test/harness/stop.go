package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/moby/moby/client"
)

// stopWithin is how long a daemon may take to end after SIGTERM.
const stopWithin = 20 * time.Second

// Kill ends the daemon with SIGKILL, as a crash would, and returns when it is gone. Containers go on.
func (n *Node) Kill() error {
	if !n.Running() {
		return nil
	}
	if err := n.daemon.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-n.exited
	return nil
}

// Stop ends the daemon with SIGTERM, as an administrator would, and returns when it is gone. Containers go on.
func (n *Node) Stop() error {
	if !n.Running() {
		return nil
	}
	if err := n.daemon.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-n.exited:
		return nil
	case <-time.After(stopWithin):
		return errors.Join(fmt.Errorf("the daemon did not end within %v of SIGTERM", stopWithin), n.Kill())
	}
}

// Upgrade makes the next start of the daemon one of another binary.
func (n *Node) Upgrade(bin string) { n.options.Bin = bin }

// Clear force-removes every container of the node.
func (n *Node) Clear(ctx context.Context) error {
	list, err := n.Client.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return fmt.Errorf("listing containers: %w", err)
	}
	var failed []error
	for _, c := range list.Items {
		if _, err := n.Client.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			failed = append(failed, fmt.Errorf("removing %.12s: %w", c.ID, err))
		}
	}
	return errors.Join(failed...)
}

// Close removes the node's containers, stops the daemon, removes what is left, and returns an error that names
// what the node should have removed itself. It may be called more than once and on a node that never came up.
func (n *Node) Close() error {
	var failed []error
	if n.Running() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		failed = append(failed, n.Clear(ctx))
		cancel()
	}
	failed = append(failed, n.Stop())
	if n.Client != nil {
		failed = append(failed, n.Client.Close())
		n.Client = nil
	}
	if n.Dir != "" && n.daemon != nil {
		failed = append(failed, n.sweep())
	}
	if n.Room != nil {
		n.Room.Close()
		n.Room = nil
	}
	if n.temporary && n.Dir != "" {
		failed = append(failed, os.RemoveAll(n.Dir))
	}
	if n.base != "" {
		failed = append(failed, os.RemoveAll(n.base))
	}
	n.daemon = nil
	return errors.Join(failed...)
}
