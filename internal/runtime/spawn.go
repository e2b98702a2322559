package runtime

import (
	"errors"
	"os"
	"syscall"

	"github.com/bailey-run/bailey/internal/runtime/supervise"
)

// spawn starts the supervisor: in a session and a mount namespace of its own,
// outside of the daemon's control group, with the descriptors it needs and no
// other.
func (c *Container) spawn(lock *os.File) error {
	listener, err := listen(c.runDir)
	if err != nil {
		return err
	}
	defer listener.Close()
	conn, theirs, err := controlPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		conn.Close()
		return err
	}
	defer null.Close()
	files := []*os.File{null, null, lock, supervise.FDControl: theirs, supervise.FDListener: listener}
	args := []string{"bailey-supervisor", c.id, c.runDir}
	if pair := c.prepared.Pair; pair != nil {
		files = append(files, pair.UserNS, pair.NetNS) // nil leaves the number unused
		args = append(args, supervise.NamespaceArg(pair.UserNS != nil, pair.NetNS != nil))
	}
	c.process, err = c.startSupervisor(args, files)
	if err != nil {
		conn.Close()
		return err
	}
	c.control = conn
	c.supervisorPid = c.process.Pid
	return nil
}

func (c *Container) startSupervisor(args []string, files []*os.File) (*os.Process, error) {
	return c.r.startOutside(c.r.supervisor.Path, args, supervise.Env, files, syscall.CLONE_NEWNS)
}

// startOutside starts a program that is to outlive the daemon: in a session of
// its own, and in the supervisors' control group.
func (r *Runtime) startOutside(path string, args, env []string, files []*os.File, spaces uintptr) (*os.Process, error) {
	attr := &syscall.SysProcAttr{Setsid: true, Cloneflags: spaces}
	group, err := r.cgroups.SupervisorsDir()
	switch {
	case err == nil:
		defer group.Close()
		attr.UseCgroupFD, attr.CgroupFD = true, int(group.Fd())
	case !errors.Is(err, errors.ErrUnsupported):
		return nil, err
	}
	p, err := os.StartProcess(path, args, &os.ProcAttr{Dir: "/", Env: env, Files: files, Sys: attr})
	if err == nil && !attr.UseCgroupFD {
		// Version 1 waits for every processor of the machine here; the start
		// need not.
		go func() {
			if err := r.cgroups.JoinSupervisors(p.Pid); err != nil && !errors.Is(err, syscall.ESRCH) {
				r.opts.Log.Warn("a process stays in the daemon's control group", "program", args, "error", err)
			}
		}()
	}
	return p, err
}

// reap takes the supervisor's status when it has ended. Waiting occupies a
// thread, so that it begins only when the end is near.
func (c *Container) reap() {
	if c.process == nil {
		return
	}
	c.reapOnce.Do(func() {
		go func() {
			_, _ = c.process.Wait()
			close(c.supervisorGone)
		}()
	})
}
