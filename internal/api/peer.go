package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/user"
	"slices"
	"strconv"
	"sync"
	"unsafe"

	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// peer is who is at the other end of a connection. The numbers are the kernel's
// (SO_PEERCRED and SO_PEERGROUPS of unix(7)): those of the process that
// connected, when it connected. Names are looked up when the first request asks.
type peer struct {
	cred   unix.Ucred
	groups []uint32
	err    error
	named  func() sandbox.Caller
}

type peerKey struct{}

// withPeer notes who connected; it is an [http.Server.ConnContext].
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	if inner, ok := conn.(*insideConn); ok {
		return context.WithValue(ctx, peerKey{}, &peer{named: func() sandbox.Caller { return inner.caller }})
	}
	p := &peer{}
	p.err = p.read(conn)
	p.named = sync.OnceValue(p.lookup)
	return context.WithValue(ctx, peerKey{}, p)
}

// peerOf returns who made a request; never nil.
func peerOf(ctx context.Context) *peer {
	if p, ok := ctx.Value(peerKey{}).(*peer); ok {
		return p
	}
	return &peer{err: errors.New("the connection has no credentials")}
}

// caller returns the credentials with their names. It fails, with
// errdefs.ErrPermissionDenied, when the kernel did not tell them.
func (p *peer) caller() (sandbox.Caller, error) {
	if p.err != nil {
		return sandbox.Caller{}, fmt.Errorf("the caller can not be identified: %w%w", p.err, quiet(errdefs.ErrPermissionDenied))
	}
	return p.named(), nil
}

// uid is the user id, or -1 when it is not known.
func (p *peer) uid() int64 {
	if p.err != nil {
		return -1
	}
	return int64(p.cred.Uid)
}

func (p *peer) read(conn net.Conn) error {
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("a connection of type %T has no credentials", conn)
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return err
	}
	var sockErr error
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			sockErr = err
			return
		}
		p.cred = *cred
		p.groups, sockErr = peerGroups(int(fd))
	})
	return errors.Join(err, sockErr)
}

// peerGroups returns the supplementary groups of the other end (Linux 4.13).
func peerGroups(fd int) ([]uint32, error) {
	groups := make([]uint32, 32)
	for {
		size := uint32(len(groups) * 4)
		// golang.org/x/sys/unix has no wrapper for an option whose value is a list of numbers.
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errno == unix.ERANGE && size > uint32(len(groups)*4): // size is now what it takes
			groups = make([]uint32, size/4)
		default:
			return nil, fmt.Errorf("groups of the caller: %w", errno)
		}
	}
}

// lookup resolves the numbers. What has no name on this host stays without one.
func (p *peer) lookup() sandbox.Caller {
	c := sandbox.Caller{UID: p.cred.Uid, GID: p.cred.Gid, Reads: &sandbox.Identity{UID: p.cred.Uid, GID: p.cred.Gid, Groups: p.groups}}
	if u, err := user.LookupId(strconv.FormatUint(uint64(c.UID), 10)); err == nil {
		c.User = u.Username
	}
	for _, gid := range append([]uint32{c.GID}, p.groups...) {
		if g, err := user.LookupGroupId(strconv.FormatUint(uint64(gid), 10)); err == nil && !slices.Contains(c.Groups, g.Name) {
			c.Groups = append(c.Groups, g.Name)
		}
	}
	return c
}
