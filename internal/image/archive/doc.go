// Package archive reads and writes the tars of `docker save` and of OCI layouts. Reading never puts a name of the archive on
// disk: every entry goes to a store of blobs by digest, and links inside the archive are resolved in memory.
//
// An archive may be a docker-archive (manifest.json), an OCI layout (index.json, OCI image layout specification 1.1), or
// both, as newer docker writes it. When it is both, the two must say the same: otherwise a scanner would read one image and
// the engine run another.
package archive
