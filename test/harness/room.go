package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// Room is a network namespace and a mount namespace, held by one thread of this process. What is started in it
// has a loopback interface and nothing else of the network; mounts made in it are not seen outside. User,
// process and control group namespaces are the machine's own.
type Room struct {
	calls chan func()
	stop  chan struct{} // closed by Close
	gone  chan struct{} // closed when the thread ends
	once  sync.Once
}

// NewRoom makes a room with a loopback interface that is up. It needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN).
func NewRoom() (*Room, error) {
	r := &Room{calls: make(chan func()), stop: make(chan struct{}), gone: make(chan struct{})}
	made := make(chan error, 1)
	go r.hold(made)
	if err := <-made; err != nil {
		return nil, fmt.Errorf("making a room of its own for a node: %w", err)
	}
	return r, nil
}

// hold makes the namespaces, tells made about it, and then runs calls in them until the room is closed.
func (r *Room) hold(made chan<- error) {
	// Never unlocked: a thread that has changed namespaces must not go back among the others. It ends with this
	// goroutine. Processes started with Pdeathsig live as long as it does.
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// The process's first thread is what /proc/self shows and does not end; while it is locked here, another
		// goroutine is on another thread.
		other := make(chan error)
		go r.hold(other)
		made <- <-other
		runtime.UnlockOSThread()
		return
	}
	defer close(r.gone)
	err := furnish()
	made <- err
	if err != nil {
		return
	}
	for {
		select {
		case call := <-r.calls:
			call()
		case <-r.stop:
			return
		}
	}
}

// furnish moves the calling thread into new namespaces.
func furnish() error {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w (needs root)", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	return nil
}

// Do runs f inside the room, on its thread; goroutines that f starts are outside again.
func (r *Room) Do(f func() error) error {
	done := make(chan error, 1)
	select {
	case r.calls <- func() { done <- f() }:
		return <-done
	case <-r.gone:
		return errors.New("the room is closed")
	}
}

// Start starts cmd inside the room.
func (r *Room) Start(cmd *exec.Cmd) error { return r.Do(cmd.Start) }

// Dial connects from inside the room. network and address are as for net.Dial; names are not resolved.
func (r *Room) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := r.Do(func() (err error) {
		// The socket is made on the calling thread as long as there is one address and no fall-back race.
		conn, err = (&net.Dialer{FallbackDelay: -1}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens inside the room. network and address are as for net.Listen.
func (r *Room) Listen(network, address string) (net.Listener, error) {
	var listener net.Listener
	err := r.Do(func() (err error) {
		listener, err = net.Listen(network, address)
		return err
	})
	return listener, err
}

// Close lets the room's thread end, and with it the namespaces once no process is left in them. Processes that
// were started with Pdeathsig are killed by that.
func (r *Room) Close() {
	r.once.Do(func() {
		close(r.stop)
		<-r.gone
	})
}
