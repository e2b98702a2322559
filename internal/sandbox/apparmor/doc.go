// Package apparmor writes the AppArmor profile of a container. It is text in,
// text out: loading it is the node's business.
//
// A profile repeats, in another part of the kernel, what mounts, capabilities
// and seccomp already say: the paths of /proc and /sys that are hidden or
// read-only, no mounting, no tracing of what is outside. It is named after
// its own contents, so that equal postures share one, a changed text never
// meets a stale profile, and loading one twice does nothing.
package apparmor
