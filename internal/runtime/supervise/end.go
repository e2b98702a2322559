package supervise

import (
	"bytes"
	"strconv"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// ExitFile is the name of the record of a container's end, in the container's
// directory. StateFile is the name of the record of its start, in the run
// directory.
const (
	ExitFile  = "exit.json"
	StateFile = "state.json"
)

// exitFile is the record of the container's end. Its room on the disk is taken
// when the container starts, so that it can be written when the disk is full.
type exitFile struct {
	dir     int
	fd      int
	opened  bool
	named   bool // it has its name
	settled bool // on disk, or told to someone, or not to be
	retry   loop.Timer
}

// exitRoom is more than a record needs, in bytes.
const exitRoom = 1024

const exitTemp = ExitFile + ".new"

func (f *exitFile) open(dir string) (err error) {
	if f.dir, err = unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return err
	}
	f.fd, err = unix.Openat(f.dir, exitTemp, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err == nil {
		err = unix.Fallocate(f.fd, 0, 0, exitRoom)
		if err == unix.EOPNOTSUPP {
			err = nil // then there is no promise
		}
	}
	f.opened = err == nil
	return err
}

// drop gives the room back.
func (f *exitFile) drop() {
	if f.opened {
		_ = unix.Unlinkat(f.dir, exitTemp, 0)
	}
}

// write shows the record to every process: from here on it does not matter who is killed.
func (f *exitFile) write(b []byte) error {
	if f.named {
		return nil
	}
	if _, err := unix.Pwrite(f.fd, b, 0); err != nil {
		return err
	}
	if err := unix.Ftruncate(f.fd, int64(len(b))); err != nil {
		return err
	}
	if err := unix.Renameat(f.dir, exitTemp, f.dir, ExitFile); err != nil {
		return err
	}
	f.named = true
	return nil
}

// sync makes the record outlast the machine's power.
func (f *exitFile) sync() error {
	if err := unix.Fsync(f.fd); err != nil {
		return err
	}
	return unix.Fsync(f.dir)
}

// saveExit writes the record, lets tell tell those who can be told at once, and waits for the disk after that: the daemon
// answers nobody before its own record is on the disk, and the two go there side by side. While the disk refuses, it goes on trying.
func (s *Supervisor) saveExit(tell func()) {
	err := s.exitFile.write(exitJSON(s.main, &s.main.exit))
	tell()
	if err == nil {
		err = s.exitFile.sync()
	}
	if err == nil {
		s.exitFile.settled = true
		s.maybeStop()
		return
	}
	s.complain("write "+ExitFile, err)
	s.loop.After(&s.exitFile.retry, time.Second, func() { s.saveExit(func() {}) })
}

// end is the end of the container: no more clients, no more ports.
func (s *Supervisor) end(told []byte) {
	s.loop.Close(&s.listener)
	s.closePorts()
	if s.control != nil {
		s.control.message(wire.KindExit, told)
		s.control.finish()
	}
	s.maybeStop()
}

// exitJSON is the record of a process's end.
func exitJSON(p *process, e *wire.Exit) []byte {
	b := append([]byte(`{"pid":`), strconv.Itoa(p.pid)...)
	b = strconv.AppendUint(append(b, `,"ticks":`...), p.ticks, 10)
	b = append(append(append(b, `,"boot":"`...), bootID()...), `"`...)
	b = strconv.AppendInt(append(b, `,"started":`...), p.at, 10)
	b = strconv.AppendInt(append(b, `,"code":`...), int64(e.Code), 10)
	b = strconv.AppendInt(append(b, `,"signal":`...), int64(e.Signal), 10)
	b = strconv.AppendBool(append(b, `,"oom":`...), e.OOM)
	b = strconv.AppendInt(append(b, `,"at":`...), e.At, 10)
	return append(b, "}\n"...)
}

// stateJSON is the record of the container's start. It is meant for a daemon
// that finds no supervisor any more, on the same boot: after another nothing
// of the container lives.
func (s *Supervisor) stateJSON() []byte {
	b := append([]byte(`{"pid":`), strconv.Itoa(s.main.pid)...)
	b = strconv.AppendUint(append(b, `,"ticks":`...), s.main.ticks, 10)
	b = append(append(append(b, `,"boot":"`...), bootID()...), `"`...)
	b = strconv.AppendInt(append(b, `,"started":`...), s.main.at, 10)
	b = strconv.AppendInt(append(b, `,"supervisor":`...), int64(unix.Getpid()), 10)
	return append(b, "}\n"...)
}

// bootID names this boot of the machine.
func bootID() []byte {
	return bytes.TrimSpace(readSmall("/proc/sys/kernel/random/boot_id", make([]byte, 64)))
}

// oomKilled reads whether the kernel killed something in the control group
// for want of memory: version 1 has the count in one file, version 2 in another.
func oomKilled(group string) bool {
	for _, name := range [...]string{
		"/sys/fs/cgroup/memory" + group + "/memory.oom_control",
		"/sys/fs/cgroup" + group + "/memory.events",
	} {
		var buf [1024]byte
		for line := range bytes.Lines(readSmall(name, buf[:])) {
			if n, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
				return !bytes.Equal(bytes.TrimSpace(n), []byte("0"))
			}
		}
	}
	return false
}
