package unpack

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// futimens sets access and modification time of an open file: utimensat(2) with a null path, which x/sys/unix does not offer.
func futimens(fd int, times *[2]unix.Timespec) error {
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(times)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
