package link

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

const netSysctl = "/proc/sys/net/"

// noIPv6ByDefault switches IPv6 off for every interface that will be made in the namespace of the calling thread, and
// leaves it on for loopback, where programs expect ::1 to work.
func noIPv6ByDefault() error { return noIPv6("default") }

// noIPv6 switches IPv6 off for one interface. Without IPv6 in the kernel there is nothing to do.
func noIPv6(name string) error {
	err := writeSysctl("ipv6/conf/"+name+"/disable_ipv6", "1")
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Stat(netSysctl + "ipv6/conf"); errors.Is(statErr, fs.ErrNotExist) {
			return nil
		}
	}
	return err
}

func writeSysctl(key, value string) error {
	f, err := os.OpenFile(netSysctl+key, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(value)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("set net.%s: %w", strings.ReplaceAll(key, "/", "."), err)
	}
	return nil
}

// Forwarding reports whether the host forwards IPv4 packets.
func Forwarding() (bool, error) {
	b, err := os.ReadFile(netSysctl + "ipv4/ip_forward")
	if err != nil {
		return false, fmt.Errorf("read net.ipv4.ip_forward: %w", err)
	}
	return strings.TrimSpace(string(b)) == "1", nil
}

// SetForwarding switches forwarding of IPv4 packets on or off for the whole host.
func SetForwarding(on bool) error {
	if on {
		return writeSysctl("ipv4/ip_forward", "1")
	}
	return writeSysctl("ipv4/ip_forward", "0")
}
