package supervise

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/supervise/forward"
	"github.com/bailey-run/bailey/internal/runtime/supervise/jsonlog"
	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// The descriptors that a supervisor is spawned with, after standard input and
// output on /dev/null and standard error on its own log.
const (
	FDControl  = 3 // connection to the daemon
	FDListener = 4 // listening socket
	FDUserNS   = 5 // only when NamespaceArg says so
	FDNetNS    = 6
)

// NamespaceArg is the third argument of a supervisor: which namespaces it is handed.
func NamespaceArg(user, net bool) string {
	arg := ""
	if user {
		arg += "u"
	}
	if net {
		arg += "n"
	}
	return arg
}

const (
	ioSize      = wire.HeaderLen + 64<<10 // for reading, with room for a frame's header
	maxClients  = 256
	maxConns    = 4096 // TCP connections through published ports
	maxSessions = 1024 // UDP clients of one port
)

// Supervisor watches over one container.
type Supervisor struct {
	id, dir string
	dirFD   int
	memFD   int
	spaces  string // as from NamespaceArg
	loop    *loop.Loop
	scratch []byte // ioSize for reading, jsonlog.ScratchSize for the log
	touched bool   // scratch was used since it was last dropped

	listener  int
	noRoom    loop.Timer // until clients are accepted again
	control   *client
	clients   []*client
	start     wire.Start
	main      *process
	execs     []*process
	results   []result // of execs that have ended, the oldest first
	jobs      []*job
	strangers []ended // children that ended before it was known who they are
	ports     *forward.Set
	exitFile  exitFile
	logged    int // bytes written to the own log
}

// Main is the whole life of a supervisor. args are the container's id, its run
// directory and its NamespaceArg. It returns the exit code.
func Main(args []string) int {
	s := &Supervisor{listener: FDListener}
	// What rootfs does on a thread of its own must not be the main one, which
	// could not end.
	runtime.LockOSThread()
	if len(args) == 1 && args[0] == MemfdArg {
		if err := denyMemfd(os.Stdin); err != nil {
			s.complain("keep files in memory from being executed", err)
			return 1
		}
		return 0
	}
	if len(args) < 2 {
		s.complain("usage: bailey-supervisor ID RUNDIR [NAMESPACES]; it is started by bailey", nil)
		return 2
	}
	s.id, s.dir = args[0], args[1]
	if len(args) > 2 {
		s.spaces = args[2]
	}
	if err := s.setUp(); err != nil {
		s.complain("set up", err)
		return 1
	}
	if err := s.loop.Run(); err != nil {
		s.complain("wait for events", err)
		return 1
	}
	return 0
}

func (s *Supervisor) setUp() (err error) {
	// Nothing else of the daemon, even if it was careless; and nothing at all
	// for the runtime.
	if err := unix.CloseRange(FDNetNS+1, 1<<32-1, 0); err != nil {
		return os.NewSyscallError("close_range", err)
	}
	if err := unix.CloseRange(FDControl, FDNetNS, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return os.NewSyscallError("close_range", err)
	}
	if s.loop, err = loop.New(); err != nil {
		return err
	}
	s.loop.Idle(s.rest)
	s.scratch, err = unix.Mmap(-1, 0, ioSize+jsonlog.ScratchSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	if s.dirFD, err = unix.Open(s.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("open "+s.dir, err)
	}
	if err := defaultSignals(); err != nil {
		return err
	}
	if err := ignoreSignals(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("become a subreaper", err)
	}
	if err := s.mountMemory(); err != nil {
		return err
	}
	s.main = newProcess(s, "")
	s.control = s.adopt(FDControl)
	if err := s.loop.Watch(s.listener, loop.In, s); err != nil {
		return err
	}
	return s.loop.Watch(FDControl, loop.In, s.control)
}

// Ready accepts a client. Only root may connect: the socket's mode says so
// already, and this says it again.
func (s *Supervisor) Ready(uint32) {
	fd, _, err := unix.Accept4(s.listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err == unix.EMFILE || err == unix.ENFILE || err == unix.ENOMEM {
		// It stays in the queue, and would be reported without end.
		s.loop.Forget(s.listener)
		s.loop.After(&s.noRoom, 100*time.Millisecond, func() {
			if s.listener >= 0 {
				_ = s.loop.Watch(s.listener, loop.In, s)
			}
		})
	}
	if err != nil {
		return
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || cred.Uid != 0 || len(s.clients) >= maxClients {
		unix.Close(fd)
		return
	}
	if c := s.adopt(fd); s.loop.Watch(fd, loop.In, c) != nil {
		c.close()
	}
}

func (s *Supervisor) adopt(fd int) *client {
	c := &client{s: s, fd: fd}
	s.clients = append(s.clients, c)
	return c
}

// io is memory for one read, with room for a frame's header before it.
func (s *Supervisor) io() []byte {
	s.touched = true
	return s.scratch[:ioSize]
}

func (s *Supervisor) logScratch() []byte { return s.scratch[ioSize:] }

// rest gives back what is not needed while nothing happens.
func (s *Supervisor) rest() {
	if s.touched || s.ports != nil {
		s.touched = false
		_ = unix.Madvise(s.scratch, unix.MADV_DONTNEED)
	}
}

// ownLogMax bounds the supervisor's own log, in bytes.
const ownLogMax = 64 << 10

// complain writes to the supervisor's own log.
func (s *Supervisor) complain(what string, err error) {
	line := "bailey-supervisor[" + strconv.Itoa(os.Getpid()) + "]: " + what
	if err != nil {
		line += ": " + err.Error()
	}
	if s.logged += len(line) + 1; s.logged <= ownLogMax {
		_, _ = syscall.Write(2, []byte(line+"\n"))
	}
}

// maybeStop ends the supervisor when there is nothing left to do: the
// container has ended, that is on disk or was told to someone, and every
// client has got what there was for it.
func (s *Supervisor) maybeStop() {
	if !s.main.done || !s.exitFile.settled {
		return
	}
	for _, c := range s.clients {
		if c.pending() > 0 {
			return
		}
	}
	s.loop.Stop()
}

// vanish removes every trace of a container that was never started.
func (s *Supervisor) vanish() {
	_ = unix.Unmount(s.dir+"/"+MemDir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	_ = os.RemoveAll(s.dir)
	s.loop.Stop()
}
