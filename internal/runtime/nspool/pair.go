package nspool

import (
	"errors"
	"fmt"
	"os"
	"runtime"
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
	// The process dies with the thread that made it, so that a node that is
	// killed meanwhile leaves nothing: the thread must last until the end.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, err := spawn(idBase)
	if err != nil {
		return nil, explain(err)
	}
	defer end(pid)
	p := &Pair{IDBase: idBase}
	if p.UserNS, err = openNS(pid, "user"); err != nil {
		return nil, err
	}
	if p.NetNS, err = openNS(pid, "net"); err != nil {
		p.Close()
		return nil, err
	}
	if err := WithNetNS(p.NetNS, func() error { return prepare(idBase) }); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// spawn starts the process that is first in the namespaces.
func spawn(idBase uint32) (pid int, err error) {
	f, err := program()
	if err != nil {
		return 0, err
	}
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: int(idBase), Size: IDs}}
	return syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), []string{"bailey-namespace"}, &syscall.ProcAttr{
		Sys: &syscall.SysProcAttr{
			Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings:                ids,
			GidMappings:                ids,
			GidMappingsEnableSetgroups: true,
			Pdeathsig:                  syscall.SIGKILL,
		},
	})
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

func openNS(pid int, kind string) (*os.File, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	if err != nil {
		return nil, fmt.Errorf("hold the new %s namespace: %w", kind, err)
	}
	return f, nil
}

// end takes the process away; the descriptors keep what it had.
func end(pid int) {
	_ = syscall.Kill(pid, syscall.SIGKILL) // it is our child and not reaped: the number is its own
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}

// Close lets go of both namespaces. It is safe to call twice.
func (p *Pair) Close() error {
	p.closing.Do(func() {
		for _, f := range []*os.File{p.UserNS, p.NetNS} {
			if f != nil {
				p.err = errors.Join(p.err, f.Close())
			}
		}
	})
	return p.err
}
