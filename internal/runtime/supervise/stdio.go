package supervise

import (
	"golang.org/x/sys/unix"
)

// stdio are the streams of a process that is being started: child are the ends
// that the runtime inherits, ours the other ones, and console a socket over
// which the runtime hands the master of a terminal.
type stdio struct {
	child   [3]int
	ours    [3]int
	console int
}

// open makes the streams. The pipes belong to the process's own user, so that
// it may open /dev/stdout again by name.
func (f *stdio) open(p *process) error {
	*f = stdio{child: [3]int{-1, -1, -1}, ours: [3]int{-1, -1, -1}, console: -1}
	err := f.openAll(p)
	if err != nil {
		f.close(p.s)
	}
	return err
}

func (f *stdio) openAll(p *process) (err error) {
	if p.terminal {
		if f.console, err = p.s.listenConsole(p.file + ".tty"); err != nil {
			return err
		}
	}
	for i := range f.child {
		if p.piped(i) {
			err = f.pipe(i, p)
		} else {
			f.child[i], err = unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// piped tells whether stream i is a pipe. With a terminal only the standard
// error is, for what the runtime itself has to say.
func (p *process) piped(i int) bool {
	if p.terminal {
		return i == 2
	}
	return i > 0 || p.openStdin
}

// pipe makes the pipe of stream i.
func (f *stdio) pipe(i int, p *process) error {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	f.child[i], f.ours[i] = ends[1], ends[0]
	if i == 0 {
		f.child[i], f.ours[i] = ends[0], ends[1]
	}
	if err := unix.Fchown(f.child[i], int(p.uid), int(p.gid)); err != nil {
		return err
	}
	return unix.SetNonblock(f.ours[i], true)
}

// connect gives the streams to the process, which runs.
func (f *stdio) connect(p *process) error {
	if !p.terminal {
		p.outs[0].fd, p.outs[1].fd = f.ours[1], f.ours[2]
		p.connectInput(f.ours[0], false)
		return nil
	}
	defer f.close(p.s)
	master, err := receiveConsole(f.console)
	if err != nil {
		return err
	}
	p.outs[0].fd = master
	if !p.openStdin {
		p.connectInput(-1, true)
		return nil
	}
	// A descriptor of its own: the loop waits for one thing per descriptor.
	second, err := unix.FcntlInt(uintptr(master), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return err
	}
	p.connectInput(second, true)
	return nil
}

func (p *process) connectInput(fd int, tty bool) {
	p.stdin.fd, p.stdin.tty = fd, tty
	if fd < 0 {
		p.stdin.abandon()
	}
}

// inputEnded is told that a client which held the standard input sends no more.
// Whether that ends the input is known when the process runs: clients attach,
// write and leave off before it is asked for.
func (p *process) inputEnded() {
	switch {
	case !p.running:
		p.stdin.early = true
	case p.stdinOnce:
		p.stdin.end()
	}
}

// said reads what the runtime wrote to the standard error before it failed.
func (f *stdio) said() []byte {
	if f.ours[2] < 0 {
		return nil
	}
	buf := make([]byte, 4<<10)
	n, err := unix.Read(f.ours[2], buf)
	if n <= 0 || err != nil {
		return nil
	}
	return buf[:n]
}

// closeChild closes what the runtime has inherited.
func (f *stdio) closeChild() { closeAll(f.child[:]) }

// close closes everything.
func (f *stdio) close(s *Supervisor) {
	closeAll(f.child[:])
	closeAll(f.ours[:])
	s.loop.Close(&f.console)
}

func closeAll(fds []int) {
	for i, fd := range fds {
		if fd >= 0 {
			unix.Close(fd)
		}
		fds[i] = -1
	}
}

// listenConsole makes the socket over which a terminal comes. It is named
// through a descriptor of the directory, since the path of a socket must be
// short.
func (s *Supervisor) listenConsole(name string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	_ = unix.Unlinkat(s.memFD, name, 0)
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: fdPath(s.memFD) + "/" + name}); err == nil {
		err = unix.Listen(fd, 1)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// receiveConsole takes the master of a terminal from a runtime that has ended:
// what it sent is there.
func receiveConsole(listener int) (int, error) {
	conn, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err != nil {
		return -1, errNoConsole
	}
	defer unix.Close(conn)
	name, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(conn, name, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, errNoConsole
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(msgs) != 1 {
		return -1, errNoConsole
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return -1, errNoConsole
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		return -1, err
	}
	return fds[0], nil
}
