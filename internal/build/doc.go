// Package build makes images: BuildKit as a library inside of the daemon, with the Dockerfile reader built in.
//
// It keeps no store of its own. Layers, blobs and leases are those of package image (Share), so that an image that was
// pulled is the base of a build without being copied, and what was built is an image without being copied. What is left
// to BuildKit are three databases that say what came from what:
//
//	solver.db     which instruction on which inputs gave which result
//	refs.db       what the snapshots and blobs of the cache are
//	history.db    what was built lately
//	open          the boot in which they were last written; absent after a clean stop
//	tmp/          what is mounted for a moment; emptied at New
//
// All of them are a cache: whatever is wrong with one is mended by beginning anew. Nothing of it is opened before the
// first build, so that a node that never builds pays nothing.
//
// # Who may what
//
// A step (RUN) runs in the sandbox and has no network; the rule build-network of the policy gives it one. Addresses that
// the node itself would fetch (git and http contexts, ADD) and Dockerfile readers from registries are refused without
// build-source and build-frontend. See internal/build/gate.
package build
