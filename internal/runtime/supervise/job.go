package supervise

import (
	"strconv"
	"syscall"

	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// job is one execution of the OCI runtime, which starts one process.
type job struct {
	p     *process
	pid   int
	pidfd int
	files stdio
	then  func(*job, unix.WaitStatus)
}

// runtimeEnv is all that the OCI runtime sees of an environment. GOMAXPROCS is
// for runc: its few goroutines gain nothing from more threads.
var runtimeEnv = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "GOMAXPROCS=2"}

// launch executes the OCI runtime in MemDir. verb and args follow the global
// options; the names of the files are relative to the directory.
func (s *Supervisor) launch(p *process, verb string, args []string, then func(*job, unix.WaitStatus)) error {
	j := &job{p: p, pidfd: -1, then: then}
	err := j.files.open(p)
	if err != nil {
		return err
	}
	argv := []string{s.start.Runtime, "--root", s.start.RuntimeDir, "--log", p.file + ".log", "--log-format", "json",
		verb, "--detach", "--pid-file", p.file + ".pid"}
	if p.terminal {
		argv = append(argv, "--console-socket", p.file+".tty")
	}
	argv = append(append(argv, args...), s.start.ID)
	j.pid, err = syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Dir:   s.dir + "/" + MemDir,
		Env:   runtimeEnv,
		Files: []uintptr{uintptr(j.files.child[0]), uintptr(j.files.child[1]), uintptr(j.files.child[2])},
		Sys:   &syscall.SysProcAttr{PidFD: &j.pidfd},
	})
	j.files.closeChild()
	if err == nil {
		s.jobs = append(s.jobs, j)
		err = s.loop.Watch(j.pidfd, loop.In, j)
	}
	if err != nil {
		j.files.close(s)
		return err
	}
	return nil
}

// Ready is told that the runtime has ended.
func (j *job) Ready(uint32) {
	j.p.s.loop.Close(&j.pidfd)
	j.p.s.reap()
}

// ended takes what the runtime has left: a process, or an error.
func (j *job) ended(status unix.WaitStatus) {
	s, p := j.p.s, j.p
	s.loop.Close(&j.pidfd)
	j.then(j, status)
	for _, suffix := range [...]string{".log", ".pid", ".tty", ".process"} {
		_ = unix.Unlinkat(s.memFD, p.file+suffix, 0)
	}
}

// outcome connects the streams with the process that the runtime has started.
func (j *job) outcome(status unix.WaitStatus) *wire.Error {
	s, p := j.p.s, j.p
	if !status.Exited() || status.ExitStatus() != 0 {
		e := &wire.Error{
			Message: "the OCI runtime failed (" + describe(status) + ")",
			Log:     s.readTail(p.file+".log", 16<<10),
			Stderr:  j.files.said(),
		}
		j.files.close(s)
		return e
	}
	pid, err := strconv.Atoi(string(s.readTail(p.file+".pid", 16)))
	if err != nil || pid <= 0 {
		j.files.close(s)
		return &wire.Error{Message: errNoPid.Error()}
	}
	err = j.files.connect(p)
	if err == nil {
		err = p.run(pid)
	}
	if err != nil {
		s.killStarted(pid)
		return &wire.Error{Message: err.Error()}
	}
	return nil
}

// killStarted kills a process that was started and cannot be looked after.
func (s *Supervisor) killStarted(pid int) {
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		s.complain("kill what was started", err)
	}
}

func describe(status unix.WaitStatus) string {
	if status.Signaled() {
		return "signal " + strconv.Itoa(int(status.Signal()))
	}
	return "exit status " + strconv.Itoa(status.ExitStatus())
}

// readTail reads the last max bytes of a small file of MemDir.
func (s *Supervisor) readTail(name string, max int64) []byte {
	fd, err := unix.Openat(s.memFD, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	if size, err := unix.Seek(fd, 0, unix.SEEK_END); err == nil {
		_, _ = unix.Seek(fd, atLeast0(size-max), unix.SEEK_SET)
	}
	buf := make([]byte, max)
	n, _ := unix.Read(fd, buf)
	if n <= 0 {
		return nil
	}
	return buf[:n]
}

func atLeast0(n int64) int64 {
	if n < 0 {
		return 0
	}
	return n
}
