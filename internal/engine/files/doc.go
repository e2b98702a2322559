// Package files moves files between a host and the root directory of a
// container, which may be hostile and may change underfoot.
//
// A root is an open directory. Every path is resolved by the kernel inside it
// (openat2 with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS), so that no link,
// however it is swapped meanwhile, leads outside (CVE-2018-15664,
// CVE-2026-41568, CVE-2026-42306). What is read or written is decided on an
// open descriptor, never by looking at a name twice. The kernel's own file
// systems (/proc, /sys and the like) are neither read nor written: the node
// may do more there than the container. Archives are read and written
// in-process; nothing of the container is executed.
//
// Extended attributes are not carried: trusted.* and security.* would be
// instructions to the host's kernel.
package files
