package probes

import (
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// int80 makes a system call through the i386 entry. It is written in assembly.
func int80(number, a, b, c uint32) int32

// abis enter the kernel through the doors of other ABIs, where numbers mean
// other calls: a filter for one ABI that leaves those open is no filter.
func abis() []probe.Probe {
	const x32 = 0x40000000
	return []probe.Probe{
		{ID: "abi-i386", Tries: "enter the kernel through the i386 door", Source: "CVE-2015-2830", Attempt: probe.OnOneThread(func() error { return i386(20, 0, 0, 0) })},
		{ID: "abi-i386-socketcall", Tries: "open an AF_VSOCK socket through the i386 socketcall, whose arguments no filter sees", Source: "socketcall(2)",
			Attempt: probe.OnOneThread(func() error { return i386(102, 1, 0, 0) })}, // EFAULT once it is let in
		{ID: "abi-x32", Tries: "enter the kernel through the x32 door", Source: "CVE-2014-0038", Attempt: probe.OnOneThread(func() error { return probe.Call(x32 | syscall.SYS_GETPID) })},
	}
}

func i386(number, a, b, c uint32) error {
	if result := int80(number, a, b, c); result < 0 && result > -4096 {
		return probe.Reached(syscall.Errno(-result), syscall.EFAULT)
	}
	return nil
}
