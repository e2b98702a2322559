package supervise

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// ended is a child that ended.
type ended struct {
	pid    int
	status unix.WaitStatus
}

// strangersMax bounds what is remembered of children that nobody knows yet.
const strangersMax = 64

// reap takes the status of every child that has ended: runtimes, the processes
// that they have left to this subreaper, and whatever else became an orphan.
func (s *Supervisor) reap() {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG|unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if pid <= 0 || err != nil {
			break
		}
		if !s.childEnded(pid, status) && len(s.jobs) > 0 && len(s.strangers) < strangersMax {
			s.strangers = append(s.strangers, ended{pid, status})
		}
	}
	s.maybeStop()
}

func (s *Supervisor) childEnded(pid int, status unix.WaitStatus) bool {
	for _, j := range s.jobs {
		if j.pid == pid {
			j.ended(status) // while it counts, strangers are remembered
			s.forgetJob(j)
			return true
		}
	}
	if s.main.pid == pid && s.main.running && !s.main.over {
		s.main.ended(status)
		return true
	}
	for _, p := range s.execs {
		if p.pid == pid && p.running && !p.over {
			p.ended(status)
			return true
		}
	}
	return false
}

func (s *Supervisor) forgetJob(j *job) {
	for i, other := range s.jobs {
		if other == j {
			s.jobs = append(s.jobs[:i], s.jobs[i+1:]...)
			break
		}
	}
	if len(s.jobs) == 0 {
		s.strangers = nil
	}
}

// stranger looks a process up that the runtime has just named: it may have
// ended, and been reaped, before the runtime did.
func (s *Supervisor) stranger(pid int) (unix.WaitStatus, bool) {
	s.reap()
	for i, e := range s.strangers {
		if e.pid == pid {
			s.strangers = append(s.strangers[:i], s.strangers[i+1:]...)
			return e.status, true
		}
	}
	return 0, false
}

// startTicks reads when a process was started: field 22 of proc_pid_stat(5),
// counted behind the name, which may hold anything. 0 when it is gone.
func startTicks(pid int) uint64 {
	var buf [1024]byte
	b := readSmall("/proc/"+strconv.Itoa(pid)+"/stat", buf[:])
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 20 {
		return 0
	}
	n, _ := strconv.ParseUint(string(fields[19]), 10, 64)
	return n
}
