package supervise

import (
	"time"

	"github.com/bailey-run/bailey/internal/runtime/supervise/jsonlog"
	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// process is the container's main process, or an exec's.
//
// Its life: asked (the runtime is executed), running, over (it has ended, and
// what it wrote is being read), done (everyone was told).
type process struct {
	s    *Supervisor
	id   string // of the exec, empty for the main process
	file string // name of its files in the run directory

	asked, running, over, done bool
	told                       bool // somebody who waited was told of the end

	pid     int
	ticks   uint64 // start time in clock ticks since boot
	at      int64  // when it was started, Unix nanoseconds
	pidfd   int
	exit    wire.Exit
	answer  *client // who waits for the start
	waiters []*client
	clients []*client

	terminal   bool
	openStdin  bool
	stdinOnce  bool
	uid, gid   uint32 // own the pipes; ids of the host
	rows, cols uint16
	stdin      input
	outs       [2]output // standard output (or the terminal) and standard error
	log        *jsonlog.Writer
	drain      loop.Timer
	drained    int // rounds of waiting for the last output
}

func newProcess(s *Supervisor, id string) *process {
	p := &process{s: s, id: id, file: "init", pidfd: -1}
	if id != "" {
		p.file = "exec-" + id
	}
	p.stdin = input{p: p, fd: -1}
	for i := range p.outs {
		p.outs[i] = output{p: p, fd: -1, stream: byte(i + 1)}
	}
	return p
}

// find returns a process that has not been told to be over, nil if none.
func (s *Supervisor) find(execID string) *process {
	if execID == "" {
		return s.main
	}
	for _, p := range s.execs {
		if p.id == execID {
			return p
		}
	}
	return nil
}

// started is what a client is told about a process that runs.
func (p *process) started() *wire.Started {
	m := &wire.Started{Pid: p.pid, Ticks: p.ticks, At: p.at, Supervisor: unix.Getpid()}
	if p.id == "" {
		m.Ports = p.s.start.Ports
	}
	return m
}

// run begins to look after a process that the runtime has started.
func (p *process) run(pid int) error {
	p.pid, p.at = pid, time.Now().UnixNano()
	p.ticks = startTicks(pid)
	if p.id == "" {
		if err := p.s.replaceFile(StateFile, p.s.stateJSON()); err != nil {
			p.s.complain("write "+StateFile, err)
		}
	}
	if status, ok := p.s.stranger(pid); ok {
		p.running = true
		p.announce()
		p.ended(status)
		return nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	p.pidfd = fd
	if err := p.s.loop.Watch(fd, loop.In, p); err != nil {
		return err
	}
	p.running = true
	p.announce()
	return nil
}

// announce tells everyone that the process runs, and begins to pass its output on.
func (p *process) announce() {
	p.size()
	told := p.started().Append(nil)
	if p.answer != nil {
		p.answer.message(wire.KindStarted, told)
	}
	if p.answer != nil && p.answer != p.s.control {
		p.answer.finish()
	}
	p.answer = nil
	for _, c := range p.waiters {
		c.message(wire.KindStarted, told)
	}
	p.flow()
	p.stdin.flush()
	if p.stdin.early {
		p.inputEnded()
	}
}

// Ready is told that the process has ended.
func (p *process) Ready(uint32) {
	p.s.loop.Close(&p.pidfd)
	p.s.reap()
}

// ended begins the end: the status is known and recorded; then the last output
// is read.
func (p *process) ended(status unix.WaitStatus) {
	p.s.loop.Close(&p.pidfd)
	p.over = true
	p.exit = wire.Exit{Code: status.ExitStatus(), At: time.Now().UnixNano()}
	if status.Signaled() {
		p.exit.Code, p.exit.Signal = 128+int(status.Signal()), int(status.Signal())
	}
	rest := func() {
		p.stdin.abandon()
		p.flow()
		p.wait()
	}
	if p.id != "" {
		rest()
		return
	}
	p.exit.OOM = oomKilled(p.s.start.Cgroup)
	p.s.saveExit(rest)
}

// How long the last output is waited for when something else still holds the
// pipes: rounds of drainFor in each of which something may come.
const (
	drainFor    = 100 * time.Millisecond
	drainRounds = 20
	drainSilent = 5
)

// wait ends the process when its output has ended, or when what holds it open
// (a process that it left behind in another container's or the host's
// namespace) has had its time.
func (p *process) wait() {
	if !p.over || p.done {
		return
	}
	if p.outs[0].fd < 0 && p.outs[1].fd < 0 {
		p.finish()
		return
	}
	p.s.loop.After(&p.drain, drainFor, func() {
		silent := !p.outs[0].fresh && !p.outs[1].fresh
		p.outs[0].fresh, p.outs[1].fresh = false, false
		if p.drained++; p.drained >= drainRounds || silent && p.drained >= drainSilent {
			p.finish()
			return
		}
		p.wait()
	})
}

// finish tells everyone.
func (p *process) finish() {
	p.done = true
	p.s.loop.Cancel(&p.drain)
	for i := range p.outs {
		p.outs[i].settle()
	}
	p.stdin.close()
	if p.log != nil {
		p.log.Close(time.Now())
		p.log = nil
	}
	if p.id == "" {
		p.s.endExecs()
		if p.s.control != nil || len(p.waiters) > 0 {
			p.s.exitFile.settled = true // whoever is told keeps it from here on
		}
	}
	told := p.exit.Append(nil)
	p.told = len(p.waiters) > 0
	waiters := p.waiters
	p.waiters = nil
	for _, c := range waiters {
		c.waits = nil
		c.message(wire.KindExit, told)
		c.finish()
	}
	for len(p.clients) > 0 {
		p.dismiss(p.clients[0])
	}
	if p.id == "" {
		p.s.end(told)
	} else {
		p.s.retire(p)
	}
}

// dismiss tells an attached client how the process ended.
func (p *process) dismiss(c *client) {
	p.detach(c)
	c.message(wire.KindExit, p.exit.Append(nil))
	c.finish()
}

// fail tells everyone that the process could not be started.
func (p *process) fail(e *wire.Error) {
	p.done = true
	for i := range p.outs {
		p.outs[i].close()
	}
	p.stdin.close()
	if p.answer != nil {
		p.answer.refuse(e)
	}
	all := append(p.waiters, p.clients...)
	p.answer, p.waiters, p.clients = nil, nil, nil
	for _, c := range all {
		c.proc, c.waits = nil, nil
		c.refuse(e)
	}
}

// detach forgets a client.
func (p *process) detach(c *client) {
	p.clients = without(p.clients, c)
	c.proc = nil
	p.flow()
	if p.id != "" && !p.asked && len(p.clients) == 0 {
		p.s.forgetExec(p)
	}
}

// size gives the terminal its size.
func (p *process) size() {
	if p.terminal && p.outs[0].fd >= 0 && p.rows > 0 && p.cols > 0 {
		_ = unix.IoctlSetWinsize(p.outs[0].fd, unix.TIOCSWINSZ, &unix.Winsize{Row: p.rows, Col: p.cols})
	}
}
