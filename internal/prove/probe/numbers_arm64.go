package probe

// numbers are the system calls that attempts make, on this architecture.
// Source: scripts/syscall.tbl of Linux 6.17; a kernel that is older answers ENOSYS.
var numbers = map[string]uintptr{
	"acct": 89, "add_key": 217, "adjtimex": 171, "bpf": 280, "chroot": 51, "clock_adjtime": 266, "clock_settime": 112,
	"clone": 220, "clone3": 435, "delete_module": 106, "execveat": 281, "fanotify_init": 262, "fanotify_mark": 263,
	"finit_module": 273, "fsconfig": 431, "fsmount": 432, "fsopen": 430, "fspick": 433, "get_mempolicy": 236,
	"init_module": 105, "io_uring_enter": 426, "io_uring_register": 427, "io_uring_setup": 425, "ioprio_set": 30,
	"kcmp": 272, "kexec_file_load": 294, "kexec_load": 104, "keyctl": 219, "kill": 129, "landlock_create_ruleset": 444,
	"listmount": 458, "listns": 470, "lookup_dcookie": 18, "lsm_get_self_attr": 459, "lsm_list_modules": 461,
	"lsm_set_self_attr": 460, "mbind": 235, "memfd_create": 279, "memfd_secret": 447, "migrate_pages": 238,
	"mknodat": 33, "mlock": 228, "mlockall": 230, "mount": 40, "mount_setattr": 442, "move_mount": 429,
	"move_pages": 239, "mq_open": 180, "msgget": 186, "nfsservctl": 42, "open_tree": 428, "open_tree_attr": 467,
	"openat2": 437, "perf_event_open": 241, "personality": 92, "pidfd_getfd": 438, "pidfd_open": 434,
	"pidfd_send_signal": 424, "pivot_root": 41, "prctl": 167, "prlimit64": 261, "process_madvise": 440,
	"process_mrelease": 448, "process_vm_readv": 270, "process_vm_writev": 271, "ptrace": 117, "quotactl": 60,
	"quotactl_fd": 443, "reboot": 142, "request_key": 218, "sched_setattr": 274, "seccomp": 277, "semget": 190,
	"set_mempolicy": 237, "set_mempolicy_home_node": 450, "setdomainname": 162, "setgid": 144, "setgroups": 159,
	"sethostname": 161, "setns": 268, "setpriority": 140, "setresuid": 147, "setrlimit": 164, "settimeofday": 170,
	"setuid": 146, "shmget": 194, "splice": 76, "statmount": 457, "swapoff": 225, "swapon": 224, "syslog": 116,
	"tee": 77, "umount2": 39, "unshare": 97, "userfaultfd": 282, "vhangup": 58, "vmsplice": 75,
}
