package process

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// ofArch are calls that only this architecture has. Calls of the x32 ABI have numbers of their own, which are not allowed.
var ofArch = []uint32{unix.SYS_EPOLL_WAIT, unix.SYS_NEWFSTATAT, unix.SYS_ARCH_PRCTL}
