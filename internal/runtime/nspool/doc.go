// Package nspool makes pairs of a user namespace and a network namespace that
// it owns, and keeps a few ready so that a container's start does not wait
// for the kernel to build them.
//
// A pair is held by two file descriptors only: when the last of them closes,
// and the last process inside is gone, the kernel takes both away. Nothing of
// a pair is visible in the file system, so nothing can be left behind.
package nspool
