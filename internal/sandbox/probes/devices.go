package probes

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// machines are devices that give the host away. Source: linux/Documentation/admin-guide/devices.txt.
var machines = []struct {
	name         string
	mode         uint32
	major, minor int
}{
	{"memory", syscall.S_IFCHR, 1, 1}, {"kernel-memory", syscall.S_IFCHR, 1, 2}, {"ports", syscall.S_IFCHR, 1, 4}, {"kernel-log", syscall.S_IFCHR, 1, 11},
	{"first-disk", syscall.S_IFBLK, 8, 0}, {"virtual-disk", syscall.S_IFBLK, 254, 0}, {"loop-disk", syscall.S_IFBLK, 7, 0},
	{"tun", syscall.S_IFCHR, 10, 200}, {"fuse", syscall.S_IFCHR, 10, 229}, {"kvm", syscall.S_IFCHR, 10, 232}, {"loop-control", syscall.S_IFCHR, 10, 237},
	{"console", syscall.S_IFCHR, 4, 0}, {"terminal-of-host", syscall.S_IFCHR, 4, 64}, {"uinput", syscall.S_IFCHR, 10, 223}, {"snapshot", syscall.S_IFCHR, 10, 231},
}

// devices makes the nodes of devices of the machine, and looks for some that
// are there already.
func devices() []probe.Probe {
	list := []probe.Probe{
		{ID: "find-disk", Tries: "find a disk of the host in /dev", As: probe.Root, Twin: probe.Twin{Host: true}, Attempt: blockDevice},
		{ID: "find-others", Tries: "find a device beyond the standard ones in /dev", Source: "OCI runtime spec, default devices", As: probe.Root, Twin: probe.Twin{Host: true},
			Attempt: notStandard},
	}
	for _, m := range machines {
		list = append(list, probe.Probe{ID: "make-" + m.name, Tries: "make and open the device " + m.name, Source: "mknod(2)", As: probe.Root,
			Twin: probe.Twin{Host: true}, Attempt: func() error { return node(m.mode, m.major<<8|m.minor&0xff|(m.minor&0xfff00)<<12) }})
	}
	return of("devices", list...)
}

// node makes a device node. That it could be made is enough: a sandbox in
// which it can be made rests on the next control alone.
func node(mode uint32, device int) error {
	dir, err := os.MkdirTemp("/tmp", "probe-node-")
	if err != nil {
		return probe.Untried("%w", err)
	}
	defer os.RemoveAll(dir)
	return syscall.Mknod(filepath.Join(dir, "node"), mode|0o600, device)
}

func blockDevice() error {
	entries, err := os.ReadDir("/dev")
	if err != nil {
		return probe.Untried("%w", err)
	}
	for _, e := range entries {
		if e.Type()&os.ModeDevice != 0 && e.Type()&os.ModeCharDevice == 0 {
			return nil
		}
	}
	return errors.New("there is no block device")
}

// notStandard works when /dev holds any device but the standard ones.
func notStandard() error {
	entries, err := os.ReadDir("/dev")
	if err != nil {
		return probe.Untried("%w", err)
	}
	for _, e := range entries {
		if e.Type()&os.ModeDevice != 0 && !strings.Contains(" null zero full random urandom tty ptmx console ", " "+e.Name()+" ") {
			return nil
		}
	}
	return errors.New("only the standard devices are there")
}
