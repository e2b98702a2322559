package seccomp

import (
	"slices"
	"strings"
)

// Group is a set of system calls that a container may not make.
type Group struct {
	// Name is how a relaxation opens it: syscalls=+NAME.
	Name string
	// Reason says what the calls would give an attacker.
	Reason string
	// Capabilities open the group when a relaxation gives one of them: without the calls they would be of no use.
	Capabilities []string
	// Syscalls are the calls that are denied outright; a group without any widens the arguments of another.
	Syscalls []string
	// NotThere makes the calls fail with ENOSYS instead of EPERM: libraries try them first and fall back on that answer only.
	NotThere bool
}

// groups are the denied calls. The attack each stops is in its reason.
var groups = []Group{
	{
		Name:     "clone3",
		Reason:   "its flags lie in memory, where no filter can see that new namespaces are asked for; libraries fall back to clone",
		Syscalls: []string{"clone3"}, NotThere: true,
	},
	{
		Name:         "namespaces",
		Reason:       "a new user namespace gives every capability over itself, and with them the kernel's least tested paths: most local root exploits of recent years begin so",
		Capabilities: []string{"CAP_SYS_ADMIN"},
		Syscalls:     words("setns unshare"), // and clone with such flags
	},
	{
		Name:         "mount",
		Reason:       "mounting undoes masked and read-only paths and reaches parsers of file systems",
		Capabilities: []string{"CAP_SYS_ADMIN"},
		Syscalls:     words("mount umount2 pivot_root move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr"),
	},
	{
		Name:         "mount-info",
		Reason:       "lists mounts and namespaces past the masks of /proc; libraries fall back to mountinfo",
		Capabilities: []string{"CAP_SYS_ADMIN"},
		Syscalls:     words("statmount listmount listns"), NotThere: true,
	},
	{
		Name:         "hostname",
		Reason:       "the name is the engine's: logs and certificates rely on it",
		Capabilities: []string{"CAP_SYS_ADMIN"},
		Syscalls:     words("sethostname setdomainname"),
	},
	{
		Name:         "chroot",
		Reason:       "a chroot inside the container is the first step of escapes by descriptors",
		Capabilities: []string{"CAP_SYS_CHROOT", "CAP_SYS_ADMIN"},
		Syscalls:     []string{"chroot"},
	},
	{
		Name:         "ptrace",
		Reason:       "reading and writing another process gives its secrets and its descriptors, process 1's among them",
		Capabilities: []string{"CAP_SYS_PTRACE"},
		Syscalls:     words("ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd"),
	},
	{
		Name:     "io-uring",
		Reason:   "its operations pass by this very filter, and it has been the kernel's most exploited new interface",
		Syscalls: words("io_uring_setup io_uring_enter io_uring_register"),
	},
	{
		Name:     "userfaultfd",
		Reason:   "stops the kernel in the middle of a copy for as long as wanted: it turns races into certain exploits",
		Syscalls: []string{"userfaultfd"},
	},
	{
		Name:     "keyring",
		Reason:   "keyrings are not part of any namespace: keys of other containers and of the host can be described and searched",
		Syscalls: words("add_key request_key keyctl"),
	},
	{
		Name:         "bpf",
		Reason:       "loads programs into the kernel; errors of the verifier have given root again and again",
		Capabilities: []string{"CAP_BPF", "CAP_SYS_ADMIN"},
		Syscalls:     []string{"bpf"},
	},
	{
		Name:         "perf",
		Reason:       "measures other processes and the kernel: side channels, and a large interface with a long record",
		Capabilities: []string{"CAP_PERFMON", "CAP_SYS_ADMIN"},
		Syscalls:     []string{"perf_event_open"},
	},
	{
		Name:         "file-handles",
		Reason:       "opens files by their number, past every directory and mount: the escape known as shocker",
		Capabilities: []string{"CAP_DAC_READ_SEARCH"},
		Syscalls:     words("name_to_handle_at open_by_handle_at"),
	},
	{
		Name:         "modules",
		Reason:       "loads code into the host's kernel",
		Capabilities: []string{"CAP_SYS_MODULE"},
		Syscalls:     words("init_module finit_module delete_module create_module query_module get_kernel_syms"),
	},
	{
		Name:         "boot",
		Reason:       "restarts the host or replaces its kernel",
		Capabilities: []string{"CAP_SYS_BOOT"},
		Syscalls:     words("reboot kexec_load kexec_file_load"),
	},
	{
		Name:         "clock",
		Reason:       "the clock is the host's: certificates, logs and other containers follow it",
		Capabilities: []string{"CAP_SYS_TIME"},
		Syscalls:     words("settimeofday clock_settime clock_adjtime adjtimex"),
	},
	{
		Name:         "admin",
		Reason:       "accounting, swap and quotas are the whole host's",
		Capabilities: []string{"CAP_SYS_ADMIN"},
		Syscalls:     words("acct swapon swapoff quotactl quotactl_fd vhangup"),
	},
	{
		Name:         "fanotify",
		Reason:       "watches and holds up file accesses of others on the same file system",
		Capabilities: []string{"CAP_SYS_ADMIN"},
		Syscalls:     words("fanotify_init fanotify_mark"),
	},
	{
		Name:         "syslog",
		Reason:       "the kernel's log holds addresses and the affairs of others",
		Capabilities: []string{"CAP_SYSLOG", "CAP_SYS_ADMIN"},
		Syscalls:     []string{"syslog"},
	},
	{
		Name:         "io-ports",
		Reason:       "drives the host's hardware directly",
		Capabilities: []string{"CAP_SYS_RAWIO"},
		Syscalls:     words("ioperm iopl"),
	},
	{
		Name:         "numa",
		Reason:       "moves memory between nodes, other processes' too, and pins it: a side channel and a load on others",
		Capabilities: []string{"CAP_SYS_NICE"},
		Syscalls:     words("get_mempolicy set_mempolicy set_mempolicy_home_node mbind migrate_pages move_pages"),
	},
	{
		Name:     "ldt",
		Reason:   "segments for 16-bit code have been the source of several kernel exploits; only Wine and DOSEMU want them",
		Syscalls: []string{"modify_ldt"},
	},
	{
		Name:     "vmsplice",
		Reason:   "puts a process's pages into a pipe without a copy: the base of Dirty Pipe's kin, and nearly unused",
		Syscalls: []string{"vmsplice"},
	},
	{
		Name:     "secret-memory",
		Reason:   "memory that even the kernel cannot see or swap; it stays pinned, past the limits",
		Syscalls: []string{"memfd_secret"},
	},
	{
		Name:     "lsm",
		Reason:   "reads and sets labels of the host's security modules; libraries fall back to /proc",
		Syscalls: words("lsm_get_self_attr lsm_set_self_attr lsm_list_modules"), NotThere: true,
	},
	{
		Name:     "obsolete",
		Reason:   "nothing needs them; what is left of them in a kernel is code that nobody tests",
		Syscalls: words("_sysctl afs_syscall epoll_ctl_old epoll_wait_old get_thread_area getpmsg lookup_dcookie nfsservctl putpmsg security set_thread_area sysfs tuxcall uselib vserver"),
	},
	// The groups below have no calls of their own: they widen the arguments of one.
	{
		Name:   "vsock",
		Reason: "AF_VSOCK reaches the hypervisor and its other guests, past every network namespace",
	},
	{
		Name:   "alg",
		Reason: "AF_ALG reaches the kernel's cryptography without any right: a series of exploits",
	},
	{
		Name:         "packet",
		Reason:       "AF_PACKET forges and reads frames below the firewall; the capability alone has been enough for kernel exploits",
		Capabilities: []string{"CAP_NET_RAW"},
	},
	{
		Name:         "netlink",
		Reason:       "netlink protocols other than route reach the firewall, audit, device events and much untested code",
		Capabilities: []string{"CAP_NET_ADMIN", "CAP_AUDIT_WRITE"},
	},
	{
		Name:         "protocols",
		Reason:       "transports other than TCP, UDP and ICMP (SCTP, DCCP, UDP-Lite, L2TP, MPTCP, raw) load kernel modules at a guest's wish",
		Capabilities: []string{"CAP_NET_RAW"},
	},
	{
		Name:   "sockets",
		Reason: "every address family there is",
	},
	{
		Name:         "terminal",
		Reason:       "the ioctls TIOCSTI and TIOCLINUX type into a terminal that someone else reads",
		Capabilities: []string{"CAP_SYS_TTY_CONFIG", "CAP_SYS_ADMIN"},
	},
	{
		Name:   "personality",
		Reason: "personalities switch off randomised addresses and make readable memory executable",
	},
}

// Groups returns the denied groups, for showing.
func Groups() []Group {
	all := slices.Clone(groups)
	for i := range all {
		all[i].Capabilities = slices.Clone(all[i].Capabilities)
		all[i].Syscalls = slices.Clone(all[i].Syscalls)
	}
	return all
}

// GroupNames returns the names of the denied groups, in their order.
func GroupNames() []string {
	names := make([]string, 0, len(groups))
	for _, g := range groups {
		names = append(names, g.Name)
	}
	return names
}

// Known says whether there is a group of that name.
func Known(name string) bool {
	return slices.ContainsFunc(groups, func(g Group) bool { return g.Name == name })
}

// OpenedBy returns the names of the groups that capabilities open, sorted.
func OpenedBy(capabilities []string) []string {
	var names []string
	for _, g := range groups {
		if slices.ContainsFunc(g.Capabilities, func(c string) bool { return slices.Contains(capabilities, c) }) {
			names = append(names, g.Name)
		}
	}
	slices.Sort(names)
	return names
}

func words(s string) []string { return strings.Fields(s) }
