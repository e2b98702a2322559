package nspool

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// IDs is how many user and group ids a pair's user namespace has.
const IDs = 65536

// Pair is a user namespace that maps 0..65535 to IDBase.. and a network
// namespace owned by it, in which lo is up and IPv6 is off.
type Pair struct {
	IDBase uint32
	UserNS *os.File
	NetNS  *os.File

	pid     int      // the process that waits inside
	life    *os.File // closing it ends the process
	closing sync.Once
	err     error
}

// New makes a pair. idBase is the host id of the container's id 0.
//
// Both namespaces come from one clone: only a network namespace that the user
// namespace owns lets the container's root have its own /sys.
func New(idBase uint32) (*Pair, error) {
	if idBase < IDs || idBase > 1<<32-1-IDs {
		return nil, fmt.Errorf("ids from %d are not a container's: they must not hold the ids of the host", idBase)
	}
	p := &Pair{IDBase: idBase}
	var err error
	if p.pid, p.life, err = spawn(idBase); err != nil {
		return nil, explain(err)
	}
	if p.UserNS, err = openNS(p.UserNSPath()); err == nil {
		p.NetNS, err = openNS(p.NetNSPath())
	}
	if err == nil {
		err = WithNetNS(p.NetNS, func() error { return prepare(idBase) })
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// UserNSPath names the user namespace for an OCI spec until Close. Of a path
// of the form /proc/PID/ns/user runc takes the mapping without entering the
// namespace with two more processes, which is a third of its whole time; it
// takes every other path below /proc/PID for one of this form too.
func (p *Pair) UserNSPath() string { return fmt.Sprintf("/proc/%d/ns/user", p.pid) }

// NetNSPath names the network namespace for an OCI spec until Close.
func (p *Pair) NetNSPath() string { return fmt.Sprintf("/proc/%d/ns/net", p.pid) }

// spawn starts the process that is first in the namespaces.
func spawn(idBase uint32) (pid int, life *os.File, err error) {
	f, err := program()
	if err != nil {
		return 0, nil, err
	}
	waits, life, err := os.Pipe()
	if err != nil {
		return 0, nil, err
	}
	defer waits.Close()
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: int(idBase), Size: IDs}}
	pid, err = syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), []string{"bailey-namespace"}, &syscall.ProcAttr{
		Dir:   "/",
		Files: []uintptr{waits.Fd()},
		Sys: &syscall.SysProcAttr{
			Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings:                ids,
			GidMappings:                ids,
			GidMappingsEnableSetgroups: true,
			Setsid:                     true,
		},
	})
	if err != nil {
		life.Close()
		return 0, nil, err
	}
	return pid, life, nil
}

// explain turns the kernel's answer into what to do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC):
		err = fmt.Errorf("%w: the machine's limit is reached; raise it with: sysctl user.max_user_namespaces=65536 user.max_net_namespaces=65536", err)
	case errors.Is(err, unix.EPERM):
		err = fmt.Errorf("%w: the node must run as root with all capabilities of root", err)
	case errors.Is(err, unix.EINVAL):
		err = fmt.Errorf("%w: the kernel was built without user or network namespaces (CONFIG_USER_NS, CONFIG_NET_NS)", err)
	case errors.Is(err, unix.EACCES):
		err = fmt.Errorf("%w: programs in memory may not be executed; set it with: sysctl vm.memfd_noexec=1", err)
	}
	return fmt.Errorf("make a user and a network namespace: %w", err)
}

func openNS(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("hold a new namespace: %w", err)
	}
	return f, nil
}

// Close lets go of both namespaces and ends the process that waits in them.
// It is safe to call twice.
func (p *Pair) Close() error {
	p.closing.Do(func() {
		for _, f := range []*os.File{p.UserNS, p.NetNS, p.life} {
			if f != nil {
				p.err = errors.Join(p.err, f.Close())
			}
		}
		if p.pid > 0 {
			reap(p.pid)
		}
	})
	return p.err
}

// reap waits for the process, which has been told to end.
func reap(pid int) {
	_ = syscall.Kill(pid, syscall.SIGKILL) // ours and not reaped: the number is its own
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}
