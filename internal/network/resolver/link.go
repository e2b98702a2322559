package resolver

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/network/resolver/channel"
	"golang.org/x/sys/unix"
)

// link is a connection to a resolver. Requests are made one at a time.
type link struct {
	conn     *channel.Conn
	running  func() ([]int, error) // see Program
	greeting channel.Greeting
	pidfd    *os.File
	child    *os.Process            // when this daemon started it
	has      map[netip.Addr]sockets // what it listens on
	whole    bool                   // it was told everything once
	replies  chan channel.Kind      // from read
	once     sync.Once              // closes over
	over     chan struct{}          // closed when the connection has ended
}

func socketPath(dir string) string { return filepath.Join(dir, "resolver.sock") }
func logPath(dir string) string    { return filepath.Join(dir, "resolver.log") }

// within calls f with a name of the control socket that is short enough for a socket's address, however long dir is.
func within(dir string, f func(path string) error) error {
	d, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), filepath.Base(socketPath(dir))))
}

// dial connects to whoever listens on the control socket in dir.
func dial(dir string, running func() ([]int, error)) (*link, error) {
	var l *link
	err := within(dir, func(path string) error {
		c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		if err == nil {
			l = &link{conn: channel.New(c), running: running, has: map[netip.Addr]sockets{}, replies: make(chan channel.Kind), over: make(chan struct{})}
		}
		return err
	})
	return l, err
}

// hello learns who is at the other end and takes copies of its sockets, which are the caller's.
func (l *link) hello(limit time.Duration) (map[netip.Addr]sockets, error) {
	if err := l.conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	defer l.conn.SetDeadline(time.Time{})
	if err := l.conn.Send(channel.Hello, nil); err != nil {
		return nil, err
	}
	found := map[netip.Addr]sockets{}
	err := l.greet(found)
	if err == nil {
		err = l.hold()
	}
	if err != nil {
		for _, s := range found {
			s.close()
		}
		return nil, err
	}
	return found, nil
}

// hold takes hold of the process while its connection says that it lives, so that nobody else is meant later.
func (l *link) hold() error {
	var err error
	l.pidfd, err = openPid(l.greeting.Pid)
	return err
}

func openPid(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	return os.NewFile(uintptr(fd), "resolver"), nil
}

func (l *link) greet(found map[netip.Addr]sockets) error {
	kind, payload, files, err := l.conn.Receive()
	if err == nil && kind != channel.Hello {
		err = channel.ErrMessage
	}
	if err == nil {
		l.greeting, err = channel.ParseGreeting(payload)
	}
	for err == nil {
		channel.CloseFiles(files)
		kind, payload, files, err = l.conn.Receive()
		if err != nil || kind == channel.Done {
			break
		}
		var gateway netip.Addr
		gateway, err = channel.ParseAddr(payload)
		if err != nil || kind != channel.Socket || len(files) != 2 {
			err = errors.Join(err, channel.ErrMessage)
			break
		}
		s := sockets{udp: files[0], tcp: files[1]}
		files = nil
		if s.port, err = portOf(s.udp, gateway); err != nil {
			s.close()
			continue
		}
		found[gateway] = s
	}
	channel.CloseFiles(files)
	return err
}

// read takes answers until the connection ends.
func (l *link) read() {
	defer l.once.Do(func() { close(l.over) })
	for {
		kind, _, files, err := l.conn.Receive()
		channel.CloseFiles(files)
		if err != nil {
			return
		}
		select {
		case l.replies <- kind:
		case <-l.over:
			return
		}
	}
}

// ask makes one request.
func (l *link) ask(kind channel.Kind, payload []byte, files ...int) error {
	if err := l.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	err := l.conn.Send(kind, payload, files...)
	_ = l.conn.SetDeadline(time.Time{})
	if err != nil {
		return err
	}
	limit := time.NewTimer(answerTime)
	defer limit.Stop()
	select {
	case reply := <-l.replies:
		if reply != channel.OK {
			return channel.ErrMessage
		}
		return nil
	case <-l.over:
		return net.ErrClosed
	case <-limit.C:
		return fmt.Errorf("no answer to message %d: %w", kind, os.ErrDeadlineExceeded)
	}
}

// dismiss sends a resolver away and returns when it is gone, or was killed.
func (l *link) dismiss() {
	if l.ask(channel.Quit, nil) != nil || !gone(l.pidfd, leaveTime) {
		l.kill()
	}
	l.close()
}

// gone waits for the end of a process.
func gone(pidfd *os.File, limit time.Duration) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd.Fd()), Events: unix.POLLIN}}, int(limit.Milliseconds()))
	return n > 0 && err == nil
}

// kill ends a resolver that does not do what it is told, and returns when it is gone. Which process it is it has said
// itself: one that was taken over could name any process of the host.
func (l *link) kill() {
	if pids, err := l.running(); err == nil && slices.Contains(pids, l.greeting.Pid) {
		kill(l.pidfd)
	}
}

func kill(pidfd *os.File) {
	_ = unix.PidfdSendSignal(int(pidfd.Fd()), unix.SIGKILL, nil, 0)
	gone(pidfd, answerTime)
}

func (l *link) close() {
	l.conn.Close()
	l.once.Do(func() { close(l.over) })
	if l.pidfd != nil {
		l.pidfd.Close()
	}
	if l.child != nil {
		child := l.child
		l.child = nil
		go func() { _, _ = child.Wait() }() // it may go on for long, as it should
	}
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
