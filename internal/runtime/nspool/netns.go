package nspool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// WithNetNS runs f on a thread that is inside the network namespace ns. What
// f starts in other goroutines is not.
func WithNetNS(ns *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err, home := inNetNS(ns, f)
		if home {
			runtime.UnlockOSThread()
		} // else the thread ends with this goroutine and serves nobody else
		done <- err
	}()
	return <-done
}

// inNetNS reports whether the thread is back where it was.
func inNetNS(ns *os.File, f func() error) (err error, home bool) {
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("remember the network namespace: %w", err), true
	}
	defer own.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network namespace: %w", err), true
	}
	err = f()
	return err, unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil
}

// prepare makes a new network namespace usable, from inside.
func prepare(idBase uint32) error {
	// Before lo is up, so that it never has an IPv6 address.
	if err := setIPv6("1"); err != nil {
		return err
	}
	if err := loUp(); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	// Comforts: ping without a raw socket, and low ports without a capability.
	// They concern this namespace only, and a kernel may lack them.
	last := uint64(idBase) + IDs - 1
	if err := sysctl("ipv4/ping_group_range", fmt.Sprintf("%d %d", idBase, last)); err != nil && !absent(err) {
		return err
	}
	if err := sysctl("ipv4/ip_unprivileged_port_start", "0"); err != nil && !absent(err) {
		return err
	}
	return nil
}

// EnableIPv6 turns IPv6 on in the pair's network namespace, for interfaces
// that exist and those to come.
func (p *Pair) EnableIPv6() error {
	return WithNetNS(p.NetNS, func() error { return setIPv6("0") })
}

func setIPv6(disabled string) error {
	for _, which := range []string{"all", "default"} {
		if err := sysctl("ipv6/conf/"+which+"/disable_ipv6", disabled); err != nil && !absent(err) {
			return err
		}
	}
	return nil
}

func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// sysctl sets a value of the calling thread's network namespace.
func sysctl(name, value string) error {
	f, err := os.OpenFile("/proc/sys/net/"+name, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("set net/%s: %w", name, err)
	}
	_, err = f.WriteString(value)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("set net/%s to %s: %w", name, value, err)
	}
	return nil
}

func loUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r)
}
