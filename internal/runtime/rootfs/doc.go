// Package rootfs builds a container's root file system and finds things in it
// without ever trusting what an image put there.
//
// Everything Bailey keeps on disk (image layers, a container's writable layer,
// volumes) is owned by the ids 0..65535, the container's own view. Mount shows
// it shifted to the container's range through idmapped mounts, so that no
// chown is ever needed and a container may get another range at each start.
//
// The package is linked into the supervisor, of which one runs per container:
// it imports only what that one links anyway, and golang.org/x/sys/unix.
package rootfs
