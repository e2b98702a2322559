package probes

import (
	"errors"
	"os"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// cgroupFilesystem writes where a container would raise its own limits or
// have the kernel run a program on the host. The paths are those of version 2
// and of version 1.
func cgroupFilesystem() []probe.Probe {
	const root = "/sys/fs/cgroup/"
	one := func(id, tries, source string, paths ...string) probe.Probe {
		attempts := make([]func() error, 0, len(paths))
		for _, p := range paths {
			attempts = append(attempts, probe.Writable(root+p))
		}
		// Version 1 checks the owner of a file as well, who is the host's root.
		return probe.Probe{ID: id, Tries: tries, Source: source, As: probe.Root, Twin: probe.Twin{Host: true}, Attempt: firstOf(attempts...)}
	}
	return of("cgroup-filesystem",
		one("move-process", "move a process to another control group", "cgroups(7)", "cgroup.procs", "memory/cgroup.procs"),
		one("raise-memory", "raise the memory limit", "cgroups(7)", "memory.max", "memory/memory.limit_in_bytes"),
		one("raise-pids", "raise the limit of processes", "cgroups(7)", "pids.max", "pids/cgroup.procs"),
		one("allow-devices", "allow itself devices", "cgroups(7)", "devices/devices.allow"),
		one("release-agent", "have the kernel run a program on the host", "CVE-2022-0492", "memory/release_agent", "cpu/release_agent", "systemd/release_agent"),
		one("freeze", "freeze control groups", "cgroups(7)", "cgroup.freeze", "freezer/cgroup.procs"),
		probe.Probe{ID: "make-group", Tries: "make a control group of its own", Source: "CVE-2022-0492", As: probe.Root, Twin: probe.Twin{Host: true},
			Attempt: firstOf(makeGroup(root+"memory"), makeGroup(root))},
	)
}

func makeGroup(dir string) func() error {
	return func() error {
		name := dir + "/bailey-probe"
		if err := os.Mkdir(name, 0o755); err != nil {
			return err
		}
		return os.Remove(name)
	}
}

func cgroupNamespace() []probe.Probe {
	return of("cgroup-namespace",
		probe.Probe{ID: "see-path", Tries: "learn where on the host its control group is", Source: "cgroup_namespaces(7)", Attempt: func() error {
			groups, err := os.ReadFile("/proc/self/cgroup")
			if err != nil {
				return probe.Untried("%w", err)
			}
			for line := range strings.Lines(string(groups)) {
				if path := strings.SplitN(strings.TrimSpace(line), ":", 3)[2]; path != "/" {
					return nil
				}
			}
			return errors.New("every path is /")
		}},
	)
}

// firstOf is an attempt that works when one of several does.
func firstOf(attempts ...func() error) func() error {
	return func() error {
		var err error
		for _, attempt := range attempts {
			if err = attempt(); err == nil {
				return nil
			}
		}
		return err
	}
}
