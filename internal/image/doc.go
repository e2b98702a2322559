// Package image keeps container images on this node: it loads, imports, pulls, pushes, tags, lists, saves, removes and
// unpacks them. Everything that arrives is hostile until it was checked; what is refused is refused with the name of the
// image, the layer and the entry, and leaves nothing behind.
//
// The containerd libraries (content store, metadata, overlay snapshotter, resolver) are used in-process and by this package
// and its rooms only. Everything lies in one containerd namespace, "bailey", under Options.Root:
//
//	content/     blobs by digest (containerd plugins/content/local)
//	snapshots/   unpacked layers (containerd plugins/snapshots/overlay), owned by ids 0..65535 as the image says
//	staging/     layers while they are being unpacked; emptied at Open
//	meta.db      names, leases, references (containerd core/metadata on bbolt)
//
// # Image ids
//
// The ID of an image is the digest of what its name points to: the manifest, or the index of a multi-platform image. It is
// what a registry and a signature speak of, and what Docker Engine 29 shows with its containerd image store. For those who
// still hold a classic id, the digest of the image's configuration is understood by Get as well.
//
// # Durability
//
// A method that returns an image has put its blobs, its unpacked layers and its name on stable storage, in this order. One
// that fails, or is cut off by a crash, leaves no name, no snapshot and no blob that was not there before: the rest is
// removed at once, or by the next Open.
package image
