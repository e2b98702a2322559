package probe

// numbers are the system calls that attempts make, on this architecture.
// Source: arch/x86/entry/syscalls/syscall_64.tbl of Linux 6.17; a kernel that is older answers ENOSYS.
var numbers = map[string]uintptr{
	"_sysctl": 156, "acct": 163, "add_key": 248, "adjtimex": 159, "afs_syscall": 183, "arch_prctl": 158, "bpf": 321,
	"chroot": 161, "clock_adjtime": 305, "clock_settime": 227, "clone": 56, "clone3": 435, "create_module": 174,
	"delete_module": 176, "epoll_ctl_old": 214, "epoll_wait_old": 215, "execveat": 322, "fanotify_init": 300,
	"fanotify_mark": 301, "finit_module": 313, "fsconfig": 431, "fsmount": 432, "fsopen": 430, "fspick": 433,
	"get_kernel_syms": 177, "get_mempolicy": 239, "get_thread_area": 211, "getpmsg": 181, "init_module": 175,
	"io_uring_enter": 426, "io_uring_register": 427, "io_uring_setup": 425, "ioperm": 173, "iopl": 172,
	"ioprio_set": 251, "kcmp": 312, "kexec_file_load": 320, "kexec_load": 246, "keyctl": 250, "kill": 62,
	"landlock_create_ruleset": 444, "listmount": 458, "listns": 470, "lookup_dcookie": 212, "lsm_get_self_attr": 459,
	"lsm_list_modules": 461, "lsm_set_self_attr": 460, "mbind": 237, "memfd_create": 319, "memfd_secret": 447,
	"migrate_pages": 256, "mknodat": 259, "mlock": 149, "mlockall": 151, "modify_ldt": 154, "mount": 165,
	"mount_setattr": 442, "move_mount": 429, "move_pages": 279, "mq_open": 240, "msgget": 68, "name_to_handle_at": 303,
	"nfsservctl": 180, "open_by_handle_at": 304, "open_tree": 428, "open_tree_attr": 467, "openat2": 437,
	"perf_event_open": 298, "personality": 135, "pidfd_getfd": 438, "pidfd_open": 434, "pidfd_send_signal": 424,
	"pivot_root": 155, "prctl": 157, "prlimit64": 302, "process_madvise": 440, "process_mrelease": 448,
	"process_vm_readv": 310, "process_vm_writev": 311, "ptrace": 101, "putpmsg": 182, "query_module": 178,
	"quotactl": 179, "quotactl_fd": 443, "reboot": 169, "request_key": 249, "sched_setattr": 314, "seccomp": 317,
	"security": 185, "semget": 64, "set_mempolicy": 238, "set_mempolicy_home_node": 450, "set_thread_area": 205,
	"setdomainname": 171, "setgid": 106, "setgroups": 116, "sethostname": 170, "setns": 308, "setpriority": 141,
	"setresuid": 117, "setrlimit": 160, "settimeofday": 164, "setuid": 105, "shmget": 29, "splice": 275,
	"statmount": 457, "swapoff": 168, "swapon": 167, "sysfs": 139, "syslog": 103, "tee": 276, "tuxcall": 184,
	"umount2": 166, "unshare": 272, "uselib": 134, "userfaultfd": 323, "vhangup": 153, "vmsplice": 278, "vserver": 236,
}
