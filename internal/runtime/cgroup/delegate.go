package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// delegated finds the group of version 2 that the node may build in: the
// nearest one above its own that the init system marked as delegated (systemd
// with Delegate= and DelegateSubgroup=, see systemd.resource-control(5)), or
// the top.
//
// A delegated group that the node itself sits in is not used: with groups in
// it the init system could not put a restarted node there again, and the
// containers would keep the node from coming back.
func delegated(t *hierarchy) string {
	if t.own == "/" {
		return "/"
	}
	for group := filepath.Dir(t.own); group != "/"; group = filepath.Dir(group) {
		for _, name := range []string{"trusted.delegate", "user.delegate"} {
			var v [1]byte
			n, err := unix.Getxattr(t.mount+group, name, v[:])
			if err == nil && n == 1 && v[0] == '1' {
				return group
			}
		}
	}
	return "/"
}

// wanted are the controllers that containers are limited with.
var wanted = []string{"cpu", "cpuset", "io", "memory", "pids", "hugetlb"}

// enableV2 makes the node's group and hands it, and its children, the
// controllers that its parent can give.
func enableV2(t *hierarchy, group string) error {
	parent := t.mount + filepath.Dir(group)
	if err := enable(parent); err != nil {
		if !errors.Is(err, syscall.EBUSY) {
			return err
		}
		// No group but the kernel's own top may have both processes and
		// controllers for its children: the node steps aside into a leaf.
		if err := stepAside(t, parent); err != nil {
			return err
		}
		if err := enable(parent); err != nil {
			return fmt.Errorf("%w: other processes sit there (%s); start the node in a control group of its own",
				err, strings.Join(head(words(readShort(parent+"/cgroup.procs")), 5), " "))
		}
	}
	if err := makeGroup(t, t.mount+group); err != nil {
		return fmt.Errorf("make the node's control group: %w", err)
	}
	return enable(t.mount + group)
}

// enable gives a group's children every wanted controller that it has.
func enable(dir string) error {
	on := words(readShort(dir + "/cgroup.subtree_control"))
	for _, c := range words(readShort(dir + "/cgroup.controllers")) {
		if !contains(wanted, c) || contains(on, c) {
			continue
		}
		if err := write(dir+"/cgroup.subtree_control", "+"+c); err != nil {
			return fmt.Errorf("let control groups below %s limit %s: %w", dir, c, err)
		}
	}
	return nil
}

// stepAside moves this process to a leaf when it sits in dir itself.
func stepAside(t *hierarchy, dir string) error {
	if filepath.Clean(t.mount+t.own) != filepath.Clean(dir) {
		return nil
	}
	leaf := filepath.Join(dir, "bailey-daemon")
	if err := makeGroup(t, leaf); err != nil {
		return fmt.Errorf("make a control group for the node's own process: %w", err)
	}
	if err := write(leaf+"/cgroup.procs", fmt.Sprint(os.Getpid())); err != nil {
		return fmt.Errorf("move the node's own process to %s: %w", leaf, err)
	}
	return nil
}
