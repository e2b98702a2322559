package seccomp

import (
	"fmt"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Errors that denied calls end with; the numbers are those of every Linux.
const (
	ePERM           = 1
	eNOSYS          = 38
	ePROTONOSUPPORT = 93
)

// architectures are the native ABI by Go's name.
var architectures = map[string]specs.Arch{"amd64": specs.ArchX86_64, "arm64": specs.ArchAARCH64}

// amd64Only are the calls that newer architectures never had. Names of an
// architecture that is not the filter's cost the runtime a search each.
var amd64Only = words(`access alarm arch_prctl chmod chown creat dup2 epoll_create epoll_wait
	eventfd fork futimesat getdents getpgrp inotify_init lchown link lstat mkdir mknod open pause
	pipe poll readlink rename rmdir select signalfd stat symlink time unlink uprobe uretprobe
	ustat utime utimes vfork ioperm iopl modify_ldt _sysctl afs_syscall create_module
	epoll_ctl_old epoll_wait_old get_kernel_syms get_thread_area getpmsg putpmsg query_module
	security set_thread_area sysfs tuxcall uselib vserver`)

// Profile returns the list of an architecture (Go's name: amd64, arm64) with
// the named groups opened. An unknown group or architecture is an error: a
// container never starts with a filter that means nothing on its machine.
func Profile(architecture string, opened []string) (*specs.LinuxSeccomp, error) {
	arch, ok := architectures[architecture]
	if !ok {
		return nil, fmt.Errorf("seccomp: there is no list of system calls for %q; amd64 and arm64 have one", architecture)
	}
	for _, name := range opened {
		if !Known(name) {
			return nil, fmt.Errorf("seccomp: there is no group %q of system calls", name)
		}
	}
	open := func(group string) bool { return slices.Contains(opened, group) }

	var free, missing []string
	for _, a := range allowed {
		free = append(free, words(a.names)...)
	}
	for _, g := range groups {
		switch {
		case open(g.Name):
			free = append(free, g.Syscalls...)
		case g.NotThere:
			missing = append(missing, g.Syscalls...)
		}
	}
	errno, notThere := uint(ePERM), uint(eNOSYS)
	profile := &specs.LinuxSeccomp{
		DefaultAction:   specs.ActErrno,
		DefaultErrnoRet: &errno,
		Architectures:   []specs.Arch{arch},
		Syscalls:        []specs.LinuxSyscall{{Names: native(architecture, free), Action: specs.ActAllow}},
	}
	profile.Syscalls = append(profile.Syscalls, filtered(open)...)
	if names := native(architecture, missing); len(names) > 0 {
		profile.Syscalls = append(profile.Syscalls,
			specs.LinuxSyscall{Names: names, Action: specs.ActErrno, ErrnoRet: &notThere})
	}
	return profile, nil
}

// native sorts names and drops those that the architecture lacks.
func native(architecture string, names []string) []string {
	names = slices.DeleteFunc(names, func(n string) bool {
		return architecture != "amd64" && slices.Contains(amd64Only, n)
	})
	slices.Sort(names)
	return slices.Compact(names)
}
