package sandbox

// The sizes of the default posture, in bytes unless said otherwise.
const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30

	// DefaultMemory is the most that a container gets without asking; never more than half the host.
	DefaultMemory = 2 * gib
	// MinMemory is the least that can be asked for: below it the OCI runtime itself does not fit.
	MinMemory = 6 * mib
	// DefaultPids counts processes and threads. MaxPids is the most that is still taken for a limit.
	DefaultPids, MaxPids = 512, 32768
	// DefaultNofileSoft and DefaultNofileHard count open files of one process.
	DefaultNofileSoft, DefaultNofileHard = 1024, 65536
	// DefaultCPUShares is every container's weight; DefaultCPUPeriod is in microseconds.
	DefaultCPUShares, DefaultCPUPeriod = 1024, 100_000
	// DefaultTmpfs and DefaultInodes cap each tmpfs, DefaultShm is /dev/shm.
	DefaultTmpfs, DefaultInodes, DefaultShm = 64 * mib, 16384, 64 * mib
	// DefaultDisk caps each volume and each writable root; never more than half the file system.
	DefaultDisk = 10 * gib
	// MinDisk is the least that can be asked for. A file is allowed for each inodeRatio bytes, and MinDiskInodes in any case.
	MinDisk, MinDiskInodes = 1 * mib, 1024
	inodeRatio             = 16 * kib
	// DefaultLogSize and DefaultLogFiles cap the log.
	DefaultLogSize, DefaultLogFiles = 10 * mib, 3

	// The device file system and the secrets are small.
	devSize, secretsSize = 64 * kib, 1 * mib
)

// defaultCapabilities are root's in the container: what installing files and
// dropping to another user takes, inside a user namespace of its own.
var defaultCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID",
	"CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID",
}

// knownCapabilities are all of them. Source: capabilities(7).
var knownCapabilities = []string{
	"CAP_AUDIT_CONTROL", "CAP_AUDIT_READ", "CAP_AUDIT_WRITE", "CAP_BLOCK_SUSPEND", "CAP_BPF",
	"CAP_CHECKPOINT_RESTORE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
	"CAP_FSETID", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_KILL", "CAP_LEASE", "CAP_LINUX_IMMUTABLE",
	"CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE", "CAP_MKNOD", "CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST", "CAP_NET_RAW", "CAP_PERFMON", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP",
	"CAP_SETUID", "CAP_SYSLOG", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_CHROOT", "CAP_SYS_MODULE",
	"CAP_SYS_NICE", "CAP_SYS_PACCT", "CAP_SYS_PTRACE", "CAP_SYS_RAWIO", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_WAKE_ALARM",
}

// thermalThrottle stands for a path per processor of the host.
const thermalThrottle = "/sys/devices/system/cpu/cpu*/thermal_throttle"

// defaultMasked are the paths that a container sees empty: Docker's list
// first, then what else tells of the host or of other containers.
var defaultMasked = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
	"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
	"/sys/devices/virtual/powercap", "/sys/firmware", thermalThrottle,

	// Addresses, symbols and configuration of the kernel: what an exploit needs first.
	"/proc/buddyinfo", "/proc/cmdline", "/proc/config.gz", "/proc/driver", "/proc/dynamic_debug", "/proc/iomem",
	"/proc/ioports", "/proc/kallsyms", "/proc/kmsg", "/proc/kpagecgroup", "/proc/kpagecount", "/proc/kpageflags",
	"/proc/modules", "/proc/mtrr", "/proc/pagetypeinfo", "/proc/slabinfo", "/proc/vmallocinfo", "/proc/zoneinfo",
	"/sys/hypervisor", "/sys/kernel/boot_params", "/sys/kernel/btf", "/sys/kernel/debug", "/sys/kernel/irq",
	"/sys/kernel/notes", "/sys/kernel/security", "/sys/kernel/slab", "/sys/kernel/tracing", "/sys/kernel/vmcoreinfo",
	"/sys/module",

	// The doings of others, and what tells one host from another: load by device and interrupt,
	// keys, locks, disks, serial numbers.
	"/proc/diskstats", "/proc/key-users", "/proc/locks", "/proc/mdstat", "/proc/partitions", "/proc/schedstat",
	"/proc/softirqs", "/sys/devices/virtual/dmi", "/sys/fs/bpf", "/sys/fs/pstore", "/sys/power",
}

// defaultReadonly are the paths that cannot be written, whoever owns them.
var defaultReadonly = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

// defaultSysctls are set in every container's own network namespace, as
// Docker does: any port can be bound and a ping sent without a capability,
// which would give more.
func defaultSysctls() map[string]string {
	return map[string]string{
		"net.ipv4.ip_unprivileged_port_start": "0",
		"net.ipv4.ping_group_range":           "0 65535",
	}
}

// safeSysctls belong to a namespace of the container's and harm nobody else.
var safeSysctls = []string{
	"kernel.shm_rmid_forced",
	"net.core.somaxconn",
	"net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_max_syn_backlog",
	"net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
}

// ulimits are the resources of setrlimit(2) by the API's names, with the most
// that can be asked for without a relaxation; -1 is anything.
var ulimits = map[string]int64{
	"as": -1, "cpu": -1, "data": -1, "fsize": -1, "locks": -1, "nproc": -1, "rss": -1, "rttime": -1, "stack": -1,
	"core": 0, "memlock": 8 * mib, "msgqueue": 819200, "nice": 0, "nofile": DefaultNofileHard, "rtprio": 0, "sigpending": 65536,
}
