package prove

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// onHost makes attempts as root of the host, in mount, process, IPC, host
// name and network namespaces that end with them. It is where a twin goes when
// no container can be weak enough.
func onHost(ctx context.Context, program []byte, ids []string) ([]byte, error) {
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
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("attempts on the host: %w", err)
	}
	return out, nil
}
