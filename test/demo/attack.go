package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/bailey-run/bailey/test/harness"
)

// metadata is where clouds tell their machines secrets.
const metadata = "169.254.169.254"

// attack does inside web what an attacker who took it over, and became root there, would try first. Every attempt must
// fail.
func (d *demo) attack(ctx context.Context) error {
	service, err := d.standIn()
	if err != nil {
		return fmt.Errorf("a stand-in for the metadata service: %w", err)
	}
	defer service.Close()
	neighbour := d.node.Bailey(ctx, "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "hello")
	address := strings.TrimSpace(neighbour.Stdout)
	if net.ParseIP(address) == nil {
		return fmt.Errorf("the address of hello is %q %s", address, neighbour.Stderr)
	}
	for _, try := range []struct{ what, command string }{
		{"add a program to the image", "cp /bin/true /usr/sbin/evil"},
		{"run a program that was not in the image", "cp /bin/true /tmp/evil && /tmp/evil"},
		{"get capabilities from a user namespace", "unshare -U true"},
		{"make a device node of the host's disk", "mknod /tmp/disk b 8 0"},
		{"read where the kernel lies in memory", "grep . /proc/iomem"},
		{"reach another container", "timeout 1 bash -c ': < /dev/tcp/" + address + "/8080'"},
		{"reach the cloud's metadata service", "timeout 1 bash -c ': < /dev/tcp/" + metadata + "/80'"},
	} {
		result := d.node.Bailey(ctx, "exec", "--user", "root", "web", "sh", "-c", try.command)
		if result.Code == 0 {
			return fmt.Errorf("%s: %q succeeded", try.what, try.command)
		}
		d.out.show(fmt.Sprintf("blocked: %-40s %s", try.what, outcome(result)))
	}
	return nil
}

// standIn answers where the metadata service of a cloud would, on the node's host, and makes sure that it can be
// reached from there: what the container is denied is there to be had.
func (d *demo) standIn() (net.Listener, error) {
	err := d.node.Do(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		address, err := netlink.ParseAddr(metadata + "/32")
		if err != nil {
			return err
		}
		return netlink.AddrAdd(lo, address)
	})
	if err != nil {
		return nil, err
	}
	listener, err := d.node.Room.Listen("tcp", metadata+":80")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	conn, err := d.node.Dial(context.Background(), "tcp", metadata+":80")
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, conn.Close()
}

// outcome is what the program said last, or what became of it when it said nothing.
func outcome(result harness.Result) string {
	lines := strings.Split(strings.TrimSpace(result.Stderr), "\n")
	switch last := lines[len(lines)-1]; {
	case last != "":
		return strings.TrimPrefix(last, "sh: 1: ")
	case result.Code == 124: // timeout(1)
		return "no answer"
	}
	return "nothing to read"
}
