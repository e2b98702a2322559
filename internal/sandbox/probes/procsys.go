package probes

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// hidden are files that tell of the host, its kernel or other containers.
// Source: proc(5), sysfs(5).
var hidden = []string{
	"/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/buddyinfo", "/proc/cmdline",
	"/proc/config.gz", "/proc/iomem", "/proc/ioports", "/proc/kallsyms", "/proc/kmsg", "/proc/kpagecgroup", "/proc/kpagecount",
	"/proc/kpageflags", "/proc/modules", "/proc/mtrr", "/proc/pagetypeinfo", "/proc/slabinfo", "/proc/vmallocinfo", "/proc/zoneinfo",
	"/proc/diskstats", "/proc/key-users", "/proc/locks", "/proc/mdstat", "/proc/partitions", "/proc/schedstat", "/proc/softirqs",
	"/sys/kernel/notes", "/sys/kernel/vmcoreinfo", "/sys/kernel/btf/vmlinux", "/sys/kernel/boot_params/data",
	"/sys/devices/virtual/dmi/id/sys_vendor", "/sys/devices/virtual/dmi/id/product_uuid",
}

// hiddenDirs are directories of the same kind.
var hiddenDirs = []string{
	"/proc/acpi", "/proc/asound", "/proc/scsi", "/proc/driver", "/sys/firmware", "/sys/hypervisor", "/sys/kernel/debug", "/sys/kernel/irq",
	"/sys/kernel/security", "/sys/kernel/slab", "/sys/kernel/tracing", "/sys/module", "/sys/fs/bpf", "/sys/fs/pstore", "/sys/power",
	"/sys/devices/virtual/powercap",
}

// switches are files whose writing changes the host's kernel.
var switches = []string{
	"/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/vm/drop_caches",
	"/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/randomize_va_space", "/proc/sys/fs/binfmt_misc/register", "/proc/sys/kernel/panic",
	"/proc/irq/default_smp_affinity", "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/yama/ptrace_scope", "/proc/sys/fs/file-max",
	"/sys/power/state", "/sys/kernel/uevent_helper", "/sys/kernel/profiling", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/module/printk/parameters/time",
}

func procAndSys() []probe.Probe {
	var list []probe.Probe
	for _, path := range hidden {
		list = append(list, probe.Probe{ID: "read-" + idOf(path), Tries: "read " + path, Source: "proc(5)", As: probe.Root, Twin: shown(path), Attempt: probe.Readable(path)})
	}
	for _, path := range hiddenDirs {
		list = append(list, probe.Probe{ID: "list-" + idOf(path), Tries: "list " + path, Source: "sysfs(5)", As: probe.Root, Twin: shown(path), Attempt: listable(path)})
	}
	for _, path := range switches {
		list = append(list, probe.Probe{ID: "write-" + idOf(path), Tries: "open " + path + " for writing", Source: "proc(5)", As: probe.Root,
			Twin: probe.Twin{Host: true}, Attempt: probe.Writable(path)})
	}
	list = append(list,
		probe.Probe{ID: "read-thermal-throttle", Tries: "read how hot the host's processors were, by which neighbours are told apart", Source: "arXiv:1611.04426", As: probe.Root,
			Twin: probe.Twin{Host: true}, Attempt: readsOne("/sys/devices/system/cpu/cpu*/thermal_throttle/*")},
		probe.Probe{ID: "read-pid1-environment", Tries: "read the environment of the host's first process", As: probe.Root, Twin: probe.Twin{Host: true},
			Attempt: func() error { return hostsInit() }},
	)
	return of("proc-and-sys", list...)
}

// shown is where a hidden path can be read: most in a container without
// masks; what the kernel shows to the host's root only, on the host.
func shown(path string) probe.Twin {
	onlyHost := []string{
		"/proc/kcore", "/proc/kmsg", "/proc/timer_list", "/proc/slabinfo", "/proc/vmallocinfo", "/proc/kpagecgroup", "/proc/kpagecount", "/proc/kpageflags",
		"/proc/pagetypeinfo", "/proc/iomem", "/proc/ioports", "/proc/keys", "/proc/locks", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/slab",
		"/sys/fs/bpf", "/sys/fs/pstore", "/sys/kernel/security", "/sys/devices/virtual/dmi/id/product_uuid",
	}
	return probe.Twin{Host: slices.Contains(onlyHost, path)}
}

// listable is an attempt that finds something in a directory.
func listable(path string) func() error {
	return func() error {
		entries, err := os.ReadDir(path)
		if err == nil && len(entries) == 0 {
			err = errors.New(path + " is empty")
		}
		return err
	}
}

// readsOne is an attempt that reads one of the files that a pattern names.
func readsOne(pattern string) func() error {
	return func() error {
		paths, _ := filepath.Glob(pattern)
		if len(paths) == 0 {
			return errors.New("nothing is called " + pattern)
		}
		return probe.Readable(paths[0])()
	}
}

// hostsInit reads the environment of process 1, if that is not this
// container's own first process.
func hostsInit() error {
	env, err := os.ReadFile("/proc/1/environ")
	if err != nil {
		return err
	}
	own, err := os.ReadFile("/proc/1/cmdline")
	if err != nil {
		return err
	}
	if strings.HasPrefix(string(own), os.Args[0]) {
		return errors.New("process 1 is the container's own")
	}
	if len(env) == 0 {
		return errors.New("it is empty")
	}
	return nil
}

// idOf makes a path a part of an id.
func idOf(path string) string {
	return strings.NewReplacer("/", "-", "_", "-", ".", "-").Replace(strings.TrimPrefix(path, "/"))
}
