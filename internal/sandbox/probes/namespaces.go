package probes

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// firstInode is that of the namespaces that a kernel starts with, less the
// place of each kind. Source: linux/proc_ns.h, PROC_*_INIT_INO.
var firstInode = map[string]uint64{
	"ipc": 0xEFFFFFFF, "uts": 0xEFFFFFFE, "user": 0xEFFFFFFD, "pid": 0xEFFFFFFC, "cgroup": 0xEFFFFFFB, "time": 0xEFFFFFFA,
}

// initial is an attempt that is in the namespace that the kernel started with.
func initial(kind string) func() error {
	return func() error {
		link, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			return probe.Untried("%w", err)
		}
		inode, err := strconv.ParseUint(strings.Trim(strings.TrimPrefix(link, kind+":"), "[]"), 10, 64)
		if err != nil {
			return probe.Untried("%s: %w", link, err)
		}
		if inode != firstInode[kind] {
			return errors.New("it is in " + link)
		}
		return nil
	}
}

func userNamespace() []probe.Probe {
	host := probe.Twin{Host: true}
	return of("user-namespace",
		probe.Probe{ID: "initial", Tries: "be in the host's user namespace", Source: "user_namespaces(7)", Twin: host, Attempt: initial("user")},
		probe.Probe{ID: "be-host-root", Tries: "be an id of the host", Source: "user_namespaces(7)", Twin: host, Attempt: func() error { return mapsToHost("/proc/self/uid_map") }},
		probe.Probe{ID: "be-host-group", Tries: "be a group of the host", Source: "user_namespaces(7)", Twin: host, Attempt: func() error { return mapsToHost("/proc/self/gid_map") }},
		probe.Probe{ID: "take-other-ids", Tries: "become an id beyond its own 65,536", Source: "setuid(2)", As: probe.Root, Twin: host,
			Attempt: probe.OnOneThread(func() error { return probe.Call(syscall.SYS_SETRESUID, 70000, 70000, 70000) })},
	)
}

func mapsToHost(path string) error {
	ids, err := os.ReadFile(path)
	if err != nil {
		return probe.Untried("%w", err)
	}
	if fields := strings.Fields(string(ids)); len(fields) == 3 && fields[1] != "0" {
		return errors.New("0 is the host's " + fields[1])
	}
	return nil
}

func pidNamespace() []probe.Probe {
	return of("pid-namespace",
		probe.Probe{ID: "initial", Tries: "be in the host's namespace of processes", Source: "pid_namespaces(7)", Attempt: initial("pid")},
		probe.Probe{ID: "see-kernel-threads", Tries: "see the kernel's threads", Source: "pid_namespaces(7)", As: probe.Root, Attempt: func() error {
			comm, err := os.ReadFile("/proc/2/comm")
			if err == nil && strings.TrimSpace(string(comm)) != "kthreadd" {
				err = errors.New("process 2 is " + strings.TrimSpace(string(comm)))
			}
			return err
		}},
	)
}

func otherNamespaces() []probe.Probe {
	var list []probe.Probe
	for _, kind := range []string{"ipc", "uts", "cgroup"} {
		list = append(list, of(kind+"-namespace", probe.Probe{ID: "initial", Tries: "be in the host's " + kind + " namespace", Source: "namespaces(7)", Attempt: initial(kind)})...)
	}
	list = append(list, of("time-namespace",
		probe.Probe{ID: "initial", Tries: "be in the host's time namespace", Source: "time_namespaces(7)", Twin: probe.Twin{Host: true}, Attempt: initial("time")})...)
	return append(list, of("mount-namespace",
		probe.Probe{ID: "see-host-paths", Tries: "learn where on the host its root file system lies", Source: "proc_pid_mountinfo(5)", Twin: probe.Twin{Host: true},
			Attempt: hostPaths},
		probe.Probe{ID: "reach-host-root", Tries: "see the host's files through its root", Source: "proc_pid_root(5)", As: probe.Root, Twin: probe.Twin{Host: true},
			Attempt: listable("/boot")},
	)...)
}

// hostPaths looks for directories of the host in the table of mounts: in the
// path within a disk's file system, and in the layers of an overlay.
func hostPaths() error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return probe.Untried("%w", err)
	}
	for line := range strings.Lines(string(table)) {
		before, after, _ := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if len(fields) < 5 {
			continue
		}
		if strings.HasPrefix(after, "overlay") && strings.Contains(after, "=/var/") || strings.Contains(after, "/dev/") && strings.Count(fields[3], "/") > 2 ||
			strings.HasPrefix(after, "ext4 /dev/") || strings.HasPrefix(after, "xfs /dev/") || strings.HasPrefix(after, "btrfs /dev/") {
			return nil
		}
	}
	return errors.New("no mount shows one")
}
