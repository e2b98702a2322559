package host

import (
	"slices"
	"strings"
)

// Problem is something the machine lacks.
type Problem struct {
	What  string // what is missing, as a noun
	Why   string // what needs it, as a noun
	Mend  string // the one command or setting that mends it
	Fatal bool   // no container can be run without it
}

// Check lists what this machine lacks for containers, the fatal ones first.
// dirs are existing directories that layers or volumes will be kept in.
func Check(dirs ...string) []Problem { return this().check(dirs) }

func (m *machine) check(dirs []string) []Problem {
	if m.euid != 0 {
		return []Problem{{
			What: "the rights of root", Why: "a node", Mend: "start it with: sudo bailey up", Fatal: true,
		}}
	}
	all := slices.Concat(m.checkKernel(), m.checkNamespaces(dirs), m.checkCgroups(), m.checkComforts())
	slices.SortStableFunc(all, func(a, b Problem) int {
		switch {
		case a.Fatal == b.Fatal:
			return 0
		case a.Fatal:
			return -1
		}
		return 1
	})
	return all
}

func (m *machine) checkKernel() []Problem {
	var all []Problem
	if !m.newerThan(5, 19) {
		all = append(all, Problem{
			What: "Linux 5.19 or newer (this is " + m.release + ")", Why: "a range of user ids for each container",
			Mend: "install a newer kernel and start the machine with it", Fatal: true,
		})
	}
	if err := m.filesystem("overlay", ""); err != nil {
		all = append(all, Problem{
			What: "overlayfs (" + err.Error() + ")", Why: "a container's root file system",
			Mend: "modprobe overlay, or a kernel with CONFIG_OVERLAY_FS", Fatal: true,
		})
	}
	if !strings.Contains(m.read("proc/sys/kernel/seccomp/actions_avail"), "errno") {
		all = append(all, Problem{
			What: "seccomp filters", Why: "the list of system calls that a container may make",
			Mend: "use a kernel with CONFIG_SECCOMP_FILTER", Fatal: true,
		})
	}
	return all
}

func (m *machine) checkNamespaces(dirs []string) []Problem {
	for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		if !m.has("proc/self/ns/" + ns) {
			return []Problem{{
				What: ns + " namespaces", Why: "the isolation of a container",
				Mend: "use a kernel with CONFIG_NAMESPACES and all that it offers", Fatal: true,
			}}
		}
	}
	if m.read("proc/sys/user/max_user_namespaces") == "0" {
		return []Problem{{
			What: "permission to make user namespaces", Why: "a range of user ids for each container",
			Mend: "sysctl -w user.max_user_namespaces=65536, and the same in /etc/sysctl.d/", Fatal: true,
		}}
	}
	if err := m.pair(); err != nil {
		return []Problem{{
			What: "permission to make namespaces", Why: "the isolation of a container", Mend: err.Error(), Fatal: true,
		}}
	}
	var all []Problem
	for _, dir := range dirs {
		if err := m.idmap(dir); err != nil {
			all = append(all, Problem{
				What: "idmapped mounts of " + dir, Why: "a range of user ids for each container", Mend: err.Error(), Fatal: true,
			})
		}
	}
	return all
}

func (m *machine) checkCgroups() []Problem {
	c, err := m.cgroups()
	if err != nil {
		return []Problem{{What: "control groups", Why: "the limits of a container", Mend: err.Error(), Fatal: true}}
	}
	var all []Problem
	for _, name := range []string{"memory", "pids", "cpu"} {
		if !slices.Contains(c.Controllers, name) {
			all = append(all, Problem{
				What: "the control group controller " + name, Why: "the limit of a container's " + name,
				Mend: "on the kernel's command line, remove cgroup_disable=" + name + " or add cgroup_enable=" + name + ", and start the machine again",
			})
		}
	}
	// Without accounting, a limit on memory pushes what is above it to swap.
	if swaps := strings.Count(m.read("proc/swaps"), "\n"); swaps > 0 && !c.Swap {
		all = append(all, Problem{
			What: "accounting of swap", Why: "the limit of a container's memory",
			Mend: "swapoff -a, or add swapaccount=1 to the kernel's command line and start the machine again",
		})
	}
	return all
}

// checkComforts lists what containers can do without.
func (m *machine) checkComforts() []Problem {
	var all []Problem
	if m.filesystem("tmpfs", "noswap") != nil && strings.Count(m.read("proc/swaps"), "\n") > 0 {
		all = append(all, Problem{
			What: "memory file systems that are never swapped out", Why: "secrets that leave no trace on disk",
			Mend: "swapoff -a, or use Linux 6.4 or newer",
		})
	}
	if !m.has("proc/self/ns/time") {
		all = append(all, Problem{
			What: "time namespaces", Why: "a clock of its own for each container", Mend: "use a kernel with CONFIG_TIME_NS",
		})
	}
	return all
}
