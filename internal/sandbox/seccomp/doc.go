// Package seccomp is Bailey's list of the system calls that a container may
// make: an allow-list for the native ABI alone.
//
// Every system call that the kernel had when the list was made is accounted
// for: it is allowed, allowed for some arguments, or belongs to a [Group]
// that says why not. A denied call fails with EPERM. Calls newer than the
// list fail with ENOSYS where the OCI runtime can tell them apart (runc can),
// so that a C library falls back to what it used before.
//
// The filter names one architecture. The i386 and x32 entries of an x86-64
// kernel, and the 32-bit entry of an arm64 one, kill the caller: they would
// offer every call a second time under other numbers, socketcall(2) among
// them, whose arguments no filter can see. One architecture is also what
// makes the filter cheap to compile at every start.
package seccomp
