package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Conn is a route-netlink socket in one network namespace. It is safe for concurrent use.
type Conn struct {
	mu  sync.Mutex
	fd  int
	seq uint32
	buf []byte
}

const (
	// replyTimeout bounds the wait for an acknowledgement; the kernel answers within the system call that asks.
	replyTimeout = 10 * time.Second
	replyBytes   = 64 << 10
)

// request is one message of a batch.
type request struct {
	// what completes "cannot …" for the person who reads the error.
	what string
	*nl.NetlinkRequest
	// except are the errors that mean the state is already as wanted.
	except []unix.Errno
}

// Host opens a connection in the caller's own network namespace.
func Host() (*Conn, error) { return dial() }

// Namespace identifies the caller's own network namespace, among all that exist.
func Namespace() (string, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return "", fmt.Errorf("identify the network namespace: %w", err)
	}
	return fmt.Sprintf("%x-%d", st.Dev, st.Ino), nil
}

// Inside opens a connection in another network namespace. Before that it calls prepare, if not nil, on a thread that is in
// that namespace, so that /proc/sys/net is the namespace's.
func Inside(netns *os.File, prepare func() error) (*Conn, error) {
	var c *Conn
	err := within(netns, func() (err error) {
		if prepare != nil {
			if err := prepare(); err != nil {
				return err
			}
		}
		c, err = dial()
		return err
	})
	return c, err
}

// within runs f on a thread that is in another network namespace.
func within(netns *os.File, f func() error) error {
	runtime.LockOSThread()
	own, err := os.OpenFile("/proc/thread-self/ns/net", os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open the own network namespace: %w", err)
	}
	defer own.Close()
	if err := unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter the container's network namespace: %w", err)
	}
	ferr := f()
	if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); err != nil {
		// The thread stays locked, so that the runtime ends it with this goroutine and nothing else ever runs on it.
		return errors.Join(ferr, fmt.Errorf("return to the own network namespace: %w", err))
	}
	runtime.UnlockOSThread()
	return ferr
}

func dial() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a route netlink socket: %w", err)
	}
	tv := unix.NsecToTimeval(replyTimeout.Nanoseconds())
	if err := errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv),
		// An acknowledgement of an error otherwise carries the whole request back.
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1),
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
	); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set up a route netlink socket: %w", err)
	}
	return &Conn{fd: fd, buf: make([]byte, replyBytes)}, nil
}

// Close closes the socket.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return nil
	}
	fd := c.fd
	c.fd = -1
	return unix.Close(fd)
}

// Index returns the index of an interface by name.
func (c *Conn) Index(name string) (int, error) {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("interface name %q: %w", name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := unix.IoctlIfreq(c.fd, unix.SIOCGIFINDEX, req); err != nil {
		return 0, fmt.Errorf("find interface %s: %w", name, err)
	}
	return int(req.Uint32()), nil
}

// do sends a batch in one system call and waits until all of it is acknowledged. The kernel works through the whole batch
// whatever fails in it; all failures are returned.
func (c *Conn) do(batch ...request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return os.ErrClosed
	}
	var out []byte
	first := c.seq + 1
	for _, r := range batch {
		c.seq++
		r.Seq = c.seq
		r.Flags |= unix.NLM_F_REQUEST | unix.NLM_F_ACK
		out = append(out, r.Serialize()...)
	}
	if err := unix.Sendto(c.fd, out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send to route netlink: %w", err)
	}
	var errs []error
	for missing := len(batch); missing > 0; {
		n, _, err := unix.Recvfrom(c.fd, c.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("receive from route netlink: %w", err))...)
		}
		acked, err := acks(c.buf[:n], first, batch)
		if err != nil {
			errs = append(errs, err)
		}
		missing -= acked
	}
	return errors.Join(errs...)
}

// acks reads the acknowledgements in one datagram: struct nlmsghdr and a negative errno each (netlink(7)).
func acks(b []byte, first uint32, batch []request) (n int, err error) {
	var errs []error
	for len(b) >= unix.NLMSG_HDRLEN+4 {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			return n, errors.New("route netlink: reply of a wrong length")
		}
		kind, seq := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint32(b[8:])
		if i := seq - first; kind == unix.NLMSG_ERROR && i < uint32(len(batch)) && size >= unix.NLMSG_HDRLEN+4 {
			n++
			code := unix.Errno(-int32(binary.NativeEndian.Uint32(b[unix.NLMSG_HDRLEN:])))
			if code != 0 && !slices.Contains(batch[i].except, code) {
				errs = append(errs, fmt.Errorf("%s: %w", batch[i].what, code))
			}
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return n, errors.Join(errs...)
}
