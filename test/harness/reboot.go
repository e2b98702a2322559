package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
)

// Reboot does to the node what a machine that goes down does: every process of it ends, and what the kernel or a tmpfs held is
// gone. The daemon is not started again; the next one finds that its predecessor ran on another boot.
func (n *Node) Reboot() error {
	if err := n.Kill(); err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left := n.processes()
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v do not end", left)
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	n.removeGroups(10 * time.Second)
	if left := n.cgroups(); len(left) > 0 {
		return fmt.Errorf("control groups stay: %v", left)
	}
	if err := os.RemoveAll(filepath.Join(n.Dir, "run")); err != nil {
		return err
	}
	state, err := store.Open(filepath.Join(n.Dir, "state.db"))
	if err != nil {
		return err
	}
	_, err = state.SwapBoot("another boot")
	return errors.Join(err, state.Close())
}
