package seccomp

// allowed are the system calls for everyone, by what they are for. A name
// that an architecture lacks is left out of its filter.
var allowed = []struct {
	what  string
	names string
}{
	{"files", `access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3
		faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat
		fcntl fdatasync flock fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64
		lchown link linkat lseek lstat mkdir mkdirat newfstatat open openat openat2 pread64 preadv
		preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat
		renameat2 rmdir sendfile splice stat statfs statx symlink symlinkat sync sync_file_range
		syncfs tee truncate umask unlink unlinkat ustat utime utimensat utimes write writev
		cachestat file_getattr file_setattr`},
	// mknod makes named pipes; a device node needs a capability of the host's user namespace.
	{"named pipes", `mknod mknodat`},
	{"extended attributes", `fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat
		lgetxattr listxattr listxattrat llistxattr lremovexattr lsetxattr removexattr
		removexattrat setxattr setxattrat`},
	{"waiting for files", `epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2
		epoll_wait eventfd eventfd2 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
		poll ppoll pselect6 select signalfd signalfd4`},
	{"asynchronous input and output of the old kind", `io_cancel io_destroy io_getevents
		io_pgetevents io_setup io_submit`},
	// memfd_create may make a file that can be executed: programs that never execute it do not
	// say so (MFD_NOEXEC_SEAL is from 2023), so it cannot be told by the flags.
	{"memory", `brk madvise map_shadow_stack membarrier memfd_create mincore mlock mlock2 mlockall
		mmap mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free
		pkey_mprotect remap_file_pages`},
	{"processes", `execve execveat exit exit_group fork getpgid getpgrp getpid getppid getpriority
		getrlimit getrusage getsid gettid kill pidfd_open pidfd_send_signal prctl prlimit64
		restart_syscall rseq rseq_slice_yield set_robust_list get_robust_list set_tid_address
		setpgid setpriority setrlimit setsid tgkill times tkill vfork wait4 waitid arch_prctl
		ioprio_get ioprio_set process_mrelease`},
	{"scheduling within one's own limits", `getcpu sched_get_priority_max sched_get_priority_min
		sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
		sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield`},
	{"locks", `futex futex_requeue futex_wait futex_waitv futex_wake`},
	{"signals", `alarm pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
		rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack`},
	{"identity", `capget capset getegid geteuid getgid getgroups getresgid getresuid getuid
		setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid`},
	{"time", `clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep
		setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_settime
		timerfd_create timerfd_gettime timerfd_settime`},
	{"sockets once they are made", `accept accept4 bind connect getpeername getsockname
		getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg sendto setsockopt shutdown`},
	{"pipes", `pipe pipe2`},
	{"System V and POSIX queues, semaphores and shared memory", `mq_getsetattr mq_notify mq_open
		mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop
		semtimedop shmat shmctl shmdt shmget`},
	{"confining oneself further", `landlock_add_rule landlock_create_ruleset
		landlock_restrict_self seccomp`},
	{"the system", `getrandom sysinfo uname`},
	// The kernel itself makes a traced program enter these two; denying them kills it.
	{"probes that the host set", `uprobe uretprobe`},
}
