package probes

import (
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

func procAndSys() []probe.Probe {
	var list []probe.Probe
	for _, path := range []string{
		"/proc/interrupts", "/proc/kallsyms", "/proc/keys", "/proc/timer_list", "/proc/iomem", "/proc/ioports", "/proc/config.gz",
		"/proc/key-users", "/proc/partitions", "/proc/diskstats", "/proc/cmdline", "/proc/modules", "/proc/softirqs", "/proc/locks",
		"/proc/buddyinfo", "/proc/zoneinfo", "/proc/schedstat", "/sys/kernel/notes", "/sys/kernel/vmcoreinfo",
	} {
		list = append(list, probe.Probe{ID: "read-" + idOf(path), Tries: "read " + path, Source: "proc(5)", As: probe.Root, Attempt: probe.Readable(path)})
	}
	for _, path := range []string{"/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches"} {
		list = append(list, probe.Probe{ID: "write-" + idOf(path), Tries: "open " + path + " for writing", Source: "proc(5)", As: probe.Root,
			Twin: probe.Twin{Host: true}, Attempt: probe.Writable(path)})
	}
	return of("proc-and-sys", list...)
}

// idOf makes a path a part of an id.
func idOf(path string) string {
	return strings.NewReplacer("/", "-", "_", "-", ".", "-").Replace(strings.TrimPrefix(path, "/"))
}

func cgroupFilesystem() []probe.Probe {
	return of("cgroup-filesystem",
		probe.Probe{ID: "move-process", Tries: "open the cgroup's list of processes for writing", Source: "CVE-2022-0492", As: probe.Root,
			Attempt: firstOf(probe.Writable("/sys/fs/cgroup/cgroup.procs"), probe.Writable("/sys/fs/cgroup/memory/cgroup.procs"))},
	)
}

// firstOf is an attempt that works when one of several does: control groups
// have other paths in their two versions.
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
