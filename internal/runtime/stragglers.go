package runtime

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"github.com/bailey-run/bailey/internal/runtime/supervise"
	"golang.org/x/sys/unix"
)

// killRest kills what a supervisor that is gone has left: first an OCI runtime
// that may be about to start something, then everything in the container's
// control group, where a runtime puts what it starts before it runs.
func (c *Container) killRest(ctx context.Context) error {
	killRuntimes(c.runDir)
	return c.killGroup(ctx)
}

// killGroup kills what is in the container's control group. That it is empty,
// which is the rule after an orderly end, is cheap to know.
func (c *Container) killGroup(ctx context.Context) error {
	if pids, err := c.r.cgroups.Pids(c.id); err == nil && len(pids) == 0 {
		return nil
	}
	return c.r.cgroups.KillAll(ctx, c.id)
}

// killRuntimes kills the OCI runtimes of one container. They are known by
// their working directory, in a mount namespace that only they are in.
func killRuntimes(runDir string) {
	dir, err := filepath.EvalSymlinks(runDir)
	if err != nil {
		return
	}
	dir = filepath.Join(dir, supervise.MemDir)
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, p := range procs {
		if pid, err := strconv.Atoi(p.Name()); err == nil && worksIn(pid, dir) {
			killIfIn(pid, dir)
		}
	}
}

func worksIn(pid int, dir string) bool {
	cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	return err == nil && cwd == dir
}

// killIfIn kills a process that works in dir. It is held by a descriptor while
// it is looked at again, so that nobody else can be hit.
func killIfIn(pid int, dir string) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if worksIn(pid, dir) {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		waitPidfd(fd)
	}
}

// straggleTimeout bounds how long a killed runtime may take to go, in milliseconds.
const straggleTimeout = 5000

func waitPidfd(fd int) {
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, straggleTimeout)
}
