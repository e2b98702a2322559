package probes

import "github.com/bailey-run/bailey/internal/prove/probe"

const bad = probe.Bad

// deniedCalls are those that any process may make where there is no filter.
var deniedCalls = []call{
	{"io_uring_setup", "set up an io_uring, whose operations pass by the filter", "io_uring_setup(2)", filtered, []uintptr{1, bad}},
	{"io_uring_enter", "submit to an io_uring", "io_uring_enter(2)", filtered, []uintptr{minus, 1, 1, 0, 0, 0}},
	{"io_uring_register", "register buffers with an io_uring", "CVE-2023-2598", filtered, []uintptr{minus, 0, bad, 1}},
	{"userfaultfd", "hold the kernel in the middle of a copy", "userfaultfd(2)", filtered, []uintptr{1}}, // UFFD_USER_MODE_ONLY needs no capability
	{"add_key", "add a key to a keyring that belongs to no namespace", "CVE-2016-0728", filtered, []uintptr{bad, bad, 0, 0, minus}},
	{"request_key", "have the kernel look for a key", "request_key(2)", filtered, []uintptr{bad, bad, 0, 0}},
	{"keyctl", "ask for a keyring, which no namespace holds", "keyctl(2)", filtered, []uintptr{0, ^uintptr(2), 0}},
	{"modify_ldt", "write a segment descriptor", "CVE-2015-5157", filtered, []uintptr{1, bad, 16}},
	{"vmsplice", "put pages into a pipe without a copy", "CVE-2022-0847", filtered, []uintptr{minus, bad, 1, 0}},
	{"personality", "switch off randomised addresses", "personality(2)", filtered, []uintptr{0x0040000}},
	{"memfd_secret", "pin memory that even the kernel cannot see", "memfd_secret(2)", filtered, []uintptr{0}},
	{"ptrace", "trace a process", "ptrace(2)", filtered, []uintptr{2, minus, 0, 0}},
	{"process_vm_readv", "read another process's memory", "process_vm_readv(2)", filtered, []uintptr{minus, 0, 0, 0, 0, 0}},
	{"process_vm_writev", "write another process's memory", "process_vm_writev(2)", filtered, []uintptr{minus, 0, 0, 0, 0, 0}},
	{"process_madvise", "advise on another process's memory", "process_madvise(2)", filtered, []uintptr{minus, 0, 0, 0, 0}},
	{"kcmp", "compare kernel objects of processes", "kcmp(2)", filtered, []uintptr{minus, minus, 0, 0, 0}},
	{"pidfd_getfd", "take a descriptor out of another process", "pidfd_getfd(2)", filtered, []uintptr{minus, 0, 0}},
	{"unshare", "make a user namespace and be root in it", "CVE-2022-0185", filtered, []uintptr{0x10000000}}, // a threaded process gets EINVAL once it is let in
	{"setns", "enter a namespace", "setns(2)", filtered, []uintptr{minus, 0}},
	{"clone3", "make namespaces by flags that no filter can see", "clone3(2)", filtered, []uintptr{bad, 64}},
	{"statmount", "ask for a mount past the masks of /proc", "statmount(2)", filtered, []uintptr{bad, 0, 0, 0}},
	{"listmount", "list mounts past the masks of /proc", "listmount(2)", filtered, []uintptr{bad, 0, 0, 0}},
	{"listns", "list namespaces", "listns(2)", filtered, []uintptr{bad, 0, 0, 0}},
	{"name_to_handle_at", "learn a file's handle, which opens it past directories", "CVE-2014-3519", filtered, []uintptr{minus, bad, bad, bad, 0}},
	{"open_by_handle_at", "open a file by its handle: the escape known as shocker", "open_by_handle_at(2)", hostOnly, []uintptr{minus, bad, 0}},
	{"perf_event_open", "measure other processes and the kernel", "CVE-2013-2094", filtered, []uintptr{bad, 0, 0, minus, 0}},
	{"bpf", "load a program into the kernel", "CVE-2021-3490", filtered, []uintptr{5, bad, 8}},
	{"get_mempolicy", "ask how memory is placed", "get_mempolicy(2)", filtered, []uintptr{0, 0, 0, 0, 0}},
	{"set_mempolicy", "place memory", "set_mempolicy(2)", filtered, []uintptr{0, 0, 0}},
	{"mbind", "bind memory to a node", "mbind(2)", filtered, []uintptr{1, 1, 99, 0, 0, 0}},
	{"migrate_pages", "move another process's pages", "migrate_pages(2)", filtered, []uintptr{minus, 0, 0, 0}},
	{"move_pages", "learn where pages lie", "move_pages(2)", filtered, []uintptr{minus, 0, 0, 0, 0, 0}},
	{"lsm_list_modules", "learn which security modules the host has", "lsm_list_modules(2)", filtered, []uintptr{bad, bad, 0}},
	{"lsm_get_self_attr", "read a label of a security module", "lsm_get_self_attr(2)", filtered, []uintptr{100, bad, bad, 0}},
	{"lsm_set_self_attr", "set a label of a security module", "lsm_set_self_attr(2)", filtered, []uintptr{100, bad, 0, 0}},
	{"ioperm", "ask for ports of the hardware", "ioperm(2)", filtered, []uintptr{0, 1, 0}},
	{"iopl", "ask for all ports of the hardware", "iopl(2)", filtered, []uintptr{0}},
	{"fanotify_mark", "watch files of others", "fanotify_mark(2)", filtered, []uintptr{minus, 0, 0, minus, 0}},
	{"quotactl", "ask for quotas of a file system", "quotactl(2)", filtered, []uintptr{99, bad, 0, bad}},
	{"quotactl_fd", "ask for quotas by a descriptor", "quotactl_fd(2)", filtered, []uintptr{minus, 99, 0, bad}},
}

// mountCalls reach mounts and the names of the machine: inside its own
// namespaces a container's root may make them, if it has the capability.
var mountCalls = []call{
	{"mount", "mount a file system", "mount(2)", filtered, []uintptr{bad, bad, bad, 0, 0}},
	{"umount2", "take a mask off", "umount(2)", filtered, []uintptr{bad, 0}},
	{"pivot_root", "change the root mount", "pivot_root(2)", capable, []uintptr{bad, bad}},
	{"move_mount", "move a mount", "move_mount(2)", capable, []uintptr{minus, bad, minus, bad, 0}},
	{"open_tree", "take a mount in hand", "open_tree(2)", filtered, []uintptr{minus, bad, 0}},
	{"fsopen", "begin a new mount", "CVE-2022-0185", capable, []uintptr{bad, 0}},
	{"fsconfig", "configure a new mount", "CVE-2022-0185", filtered, []uintptr{minus, 0, 0, 0, 0}},
	{"fsmount", "finish a new mount", "fsmount(2)", capable, []uintptr{minus, 0, 0}},
	{"fspick", "reconfigure a mount", "fspick(2)", capable, []uintptr{minus, bad, 0}},
	{"mount_setattr", "change a mount's options", "mount_setattr(2)", filtered, []uintptr{minus, bad, 0, bad, 1}},
	{"open_tree_attr", "take a mount in hand with other options", "open_tree_attr(2)", filtered, []uintptr{minus, bad, 0, bad, 1}},
	{"chroot", "change the root directory", "CVE-2021-30465", capable, []uintptr{bad}},
	{"sethostname", "change the host name", "sethostname(2)", capable, []uintptr{bad, 1}},
	{"setdomainname", "change the domain name", "setdomainname(2)", capable, []uintptr{bad, 1}},
}

// hostCalls are the whole host's affairs.
var hostCalls = []call{
	{"init_module", "load a module into the kernel", "init_module(2)", hostOnly, []uintptr{0, 0, bad}},
	{"finit_module", "load a module from a file", "finit_module(2)", hostOnly, []uintptr{minus, bad, 0}},
	{"delete_module", "unload a module", "delete_module(2)", hostOnly, []uintptr{bad, 0x800}},
	{"reboot", "restart the host", "reboot(2)", hostOnly, []uintptr{0, 0, 0, 0}},
	{"kexec_load", "replace the kernel", "kexec_load(2)", hostOnly, []uintptr{0, 1000, bad, 0}},
	{"kexec_file_load", "replace the kernel from a file", "kexec_file_load(2)", hostOnly, []uintptr{minus, minus, 0, bad, 0}},
	{"settimeofday", "set the clock", "settimeofday(2)", filtered, []uintptr{bad, 0}},
	{"clock_settime", "set the clock by its id", "clock_settime(2)", filtered, []uintptr{0, bad}},
	{"clock_adjtime", "adjust the clock by its id", "clock_adjtime(2)", filtered, []uintptr{0, bad}},
	{"adjtimex", "adjust the clock", "adjtimex(2)", filtered, []uintptr{bad}},
	{"acct", "write accounting of all processes to a file", "acct(2)", hostOnly, []uintptr{bad}},
	{"swapon", "swap to a file", "swapon(2)", hostOnly, []uintptr{bad, 0}},
	{"swapoff", "stop swapping", "swapoff(2)", hostOnly, []uintptr{bad}},
	{"fanotify_init", "watch and hold up file accesses of others", "fanotify_init(2)", hostOnly, []uintptr{minus, 0}},
	{"syslog", "read the kernel's log", "syslog(2)", hostOnly, []uintptr{10, 0, 0}},
}
