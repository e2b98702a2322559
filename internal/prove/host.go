package prove

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// lowest is the priority of what may wait for everything else, in the unit of nice(2).
const lowest = 19

// onHost makes attempts as root of the host, in mount, process, IPC, host
// name and network namespaces that end with them. It is where a twin goes when
// no container can be weak enough.
func onHost(ctx context.Context, program []byte, ids []string, gently bool) ([]byte, error) {
	dir, err := os.MkdirTemp("", "bailey-prove-")
	if err != nil {
		return nil, fmt.Errorf("a place for the program: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "bailey-probe")
	if err := os.WriteFile(path, program, 0o700); err != nil {
		return nil, fmt.Errorf("a place for the program: %w", err)
	}
	cmd := exec.CommandContext(ctx, path, append([]string{"try"}, ids...)...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWNET,
		Unshareflags: syscall.CLONE_NEWNS, // makes the mounts private: nothing that is mounted goes back
		Pdeathsig:    syscall.SIGKILL,
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("attempts on the host: %w", err)
	}
	if gently {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, lowest) // a courtesy
	}
	if err := cmd.Wait(); err != nil {
		return out.Bytes(), fmt.Errorf("attempts on the host: %w", err)
	}
	return out.Bytes(), nil
}
