// Package nspool makes pairs of a user namespace and a network namespace that
// it owns, and keeps a few ready so that a container's start does not wait
// for the kernel to build them.
//
// A pair is held by file descriptors, and by a process of the smallest kind
// for as long as it has to be reachable by a path. When the descriptors are
// closed and the last process inside is gone, the kernel takes both
// namespaces away. Nothing of a pair is in the file system, so nothing can be
// left behind, not even by a node that is killed.
package nspool
